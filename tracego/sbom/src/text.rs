//! The list for people.

use std::io::{self, Write};

use crate::{
    bill::BillOfMaterials,
    program::{ModuleList, ProgramKind},
    vulnerability,
};

/// Writes the list, with the known vulnerabilities if somebody looked.
///
/// # Errors
/// Fails if the writer fails.
pub fn write(bill: &BillOfMaterials<'_>, advisories: u64, out: &mut impl Write) -> io::Result<()> {
    for of in &bill.programs {
        let program = of.program;
        let version = of.version.map(|version| format!(" {version}")).unwrap_or_default();
        let kind = match &program.kind {
            ProgramKind::Go(go) if go.version.is_empty() => "go".to_owned(),
            ProgramKind::Go(go) => go.version.clone(),
            ProgramKind::Other => "not of Go".to_owned(),
            ProgramKind::Unread => "could not be read".to_owned(),
        };
        let starts = match program.starts {
            0 => String::new(),
            1 => ", 1 start".to_owned(),
            starts => format!(", {starts} starts"),
        };
        writeln!(out, "{}{version}  {kind}  {}{starts}", of.name, program.path())?;
        let digest = program.sha256.as_deref().map_or("no digest".to_owned(), |hex| format!("sha256 {hex}"));
        writeln!(out, "  {digest}")?;
        let Some(go) = program.go() else { continue };
        if let Some(revision) = &go.revision {
            let state = if go.modified == Some(true) { " (changed files)" } else { "" };
            writeln!(out, "  commit {revision}{state}")?;
        }
        for library in of.depends_on.iter().filter_map(|at| bill.libraries.get(*at)) {
            let version = library.version.as_deref().unwrap_or("(devel)");
            let replaces = library.replaces.as_ref().map(|path| format!(" for {path}")).unwrap_or_default();
            writeln!(out, "  {} {version}{replaces}", library.name)?;
        }
        match go.modules {
            ModuleList::Known(_) => {}
            ModuleList::Counted(count) => writeln!(out, "  and {count} modules that are not listed")?,
            ModuleList::Unavailable => writeln!(out, "  modules unavailable")?,
        }
    }
    if let Some(found) = &bill.vulnerabilities {
        vulnerability::write_table(found, advisories, out)?;
    }
    for missing in &bill.missing {
        writeln!(out, "missing: {missing}")?;
    }
    Ok(())
}
