//! The modules of a bill that advisories name.

use super::{database::OsvDatabase, version::ModuleVersion};
use crate::{
    bill::BillOfMaterials,
    program::GoProgram,
    vulnerability::{MatchState, ModuleVulnerability},
};

impl OsvDatabase {
    /// Returns the modules of a bill that advisories name, by id: libraries, main modules, the standard library, and the
    /// toolchain where programs of it ran.
    #[must_use]
    pub fn vulnerabilities(&self, bill: &BillOfMaterials<'_>) -> Vec<ModuleVulnerability> {
        let mut found = Vec::new();
        for (at, library) in bill.libraries.iter().enumerate() {
            let of = bill.programs.iter().filter(|program| program.depends_on.contains(&at));
            let programs: Vec<String> = of.map(|program| program.name.to_owned()).collect();
            let version = library.version.as_deref();
            let parsed = match library.is_stdlib {
                true => version.and_then(ModuleVersion::parse_go),
                false => version.and_then(ModuleVersion::parse),
            };
            self.add_to(&mut found, &library.name, version, parsed.as_ref(), &library.reference, &programs);
        }
        for program in &bill.programs {
            let Some(go) = program.program.go() else { continue };
            let programs = [program.name.to_owned()];
            if GoProgram::is_toolchain(go) {
                let version = go.stdlib_version();
                let parsed = version.and_then(ModuleVersion::parse_go);
                let name = "toolchain";
                self.add_to(&mut found, name, version, parsed.as_ref(), &program.reference, &programs);
            } else if go.main.is_some() {
                let parsed = program.version.and_then(ModuleVersion::parse);
                let version = program.version;
                self.add_to(
                    &mut found,
                    program.name,
                    version,
                    parsed.as_ref(),
                    &program.reference,
                    &programs,
                );
            }
        }
        found.sort();
        found
    }

    fn add_to(
        &self,
        found: &mut Vec<ModuleVulnerability>,
        module: &str,
        version: Option<&str>,
        parsed: Option<&ModuleVersion>,
        reference: &str,
        programs: &[String],
    ) {
        found.extend(self.find(module, parsed).into_iter().map(|one| ModuleVulnerability {
            id: one.facts.id.clone(),
            reference: reference.to_owned(),
            module: module.to_owned(),
            version: version.map(str::to_owned),
            state: if one.is_affected.is_some() { MatchState::Affected } else { MatchState::Unknown },
            aliases: one.facts.aliases.clone(),
            summary: one.facts.summary.clone(),
            severities: one.facts.severities.clone(),
            fixed: one.fixed,
            programs: programs.to_vec(),
        }));
    }
}
