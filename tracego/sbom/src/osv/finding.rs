//! The modules of a bill that advisories name.

use std::io::{self, Write};

use super::{database::OsvDatabase, version::ModuleVersion};
use crate::{bill::BillOfMaterials, program::GoProgram};

/// Whether an advisory holds for a module.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MatchState {
    /// The version is affected.
    Affected,
    /// The version cannot be compared: the module was built from a working tree, or the advisory cannot be read.
    Unknown,
}

/// A module of a bill that an advisory names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ModuleVulnerability {
    /// Id of the advisory.
    pub id: String,
    /// Reference of the component.
    pub reference: String,
    /// Path of the module.
    pub module: String,
    /// Version of the module; `None` for a working tree.
    pub version: Option<String>,
    /// Whether the advisory holds.
    pub state: MatchState,
    /// Ids in other databases.
    pub aliases: Vec<String>,
    /// The advisory in one sentence.
    pub summary: String,
    /// Vectors of CVSS.
    pub severities: Vec<String>,
    /// First later version with a fix.
    pub fixed: Option<String>,
    /// Names of the programs with the module.
    pub programs: Vec<String>,
}

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

/// Writes a table of vulnerabilities for people.
///
/// # Errors
/// Fails if the writer fails.
pub fn write_table(found: &[ModuleVulnerability], advisories: u64, out: &mut impl Write) -> io::Result<()> {
    let affected = found.iter().filter(|one| one.state == MatchState::Affected).count();
    let unknown = found.len() - affected;
    let modules = if affected == 1 { "module" } else { "modules" };
    let about = if advisories == 1 { "advisory" } else { "advisories" };
    writeln!(out, "{affected} vulnerable {modules} by {advisories} {about} about Go")?;
    for one in found {
        let version = one.version.as_deref().unwrap_or("(devel)");
        let version = if one.module == "stdlib" || one.module == "toolchain" {
            format!("go{version}")
        } else {
            version.to_owned()
        };
        let aliases =
            if one.aliases.is_empty() { String::new() } else { format!(" ({})", one.aliases.join(", ")) };
        let state = match one.state {
            MatchState::Affected => "",
            MatchState::Unknown => ": the version cannot be compared",
        };
        writeln!(out, "  {} {version}: {}{aliases}{state}", one.module, one.id)?;
        if !one.summary.is_empty() {
            writeln!(out, "    {}", one.summary)?;
        }
        if let Some(fixed) = &one.fixed {
            writeln!(out, "    fixed in {fixed}")?;
        }
        let shown: Vec<&str> = one.programs.iter().take(5).map(String::as_str).collect();
        let more = one.programs.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "    in {}{more}", shown.join(", "))?;
    }
    if unknown > 0 {
        let have = if unknown == 1 { "module has" } else { "modules have" };
        writeln!(out, "{unknown} {have} no version that can be compared")?;
    }
    Ok(())
}
