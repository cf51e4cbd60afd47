//! Executables: digest and modules.

use std::path::Path;

use tracego_analyze::inspect::image::executable;
use tracego_golang as golang;
use tracego_model::{clock::Time, text::printable};
use tracego_report::history::LineProblem;
use tracego_sbom::{
    inventory::SoftwareInventory,
    program::{FileIdentity, ListedProgram, ProgramKind},
};

use crate::cmd::file_digest;

/// The content of an executable.
struct ExecutableContent {
    sha256: String,
    kind: ProgramKind,
    identity: (u64, u64),
    htlhash: String,
}

/// Adds an executable that was given. One that cannot be read is a problem of the inventory.
pub(super) fn add(inventory: &mut SoftwareInventory, path: &Path) {
    let name = printable(&path.to_string_lossy());
    match read(path) {
        Ok(content) => inventory.add_file(name, content.sha256, content.kind),
        Err(error) => {
            inventory.has_files = true;
            inventory.gaps.unread += 1;
            inventory.gaps.problems.push(LineProblem { file: name, line: 0, reason: format!("{error:#}") });
        }
    }
}

/// Reads the executables that records name and that are still the same. The others stay as they are.
pub(super) fn complete(inventory: &mut SoftwareInventory) {
    for program in &mut inventory.programs {
        let Some(identity) = program.identity.clone() else { continue };
        let is_needed = program.sha256.is_none() || program.lacks_modules();
        if is_needed && let Some(content) = same_file(program, &identity) {
            program.sha256 = Some(content.sha256);
            program.kind = content.kind;
        }
    }
}

/// Returns the content of an executable, if one of its paths leads to the file that ran.
fn same_file(program: &ListedProgram, identity: &FileIdentity) -> Option<ExecutableContent> {
    let mut paths: Vec<&str> = program.occurrences.iter().map(|run| run.path.as_str()).collect();
    paths.dedup();
    let changed = Time::parse(&identity.ctime).and_then(|time| u64::try_from(time.0).ok());
    paths.into_iter().find_map(|path| {
        let content = read(Path::new(path)).ok()?;
        let is_same = content.htlhash == identity.htlhash
            && Some(content.identity) == changed.map(|changed| (identity.inode, changed));
        // A digest in the record knows best.
        let is_contradicted = program.sha256.as_ref().is_some_and(|digest| *digest != content.sha256);
        (is_same && !is_contradicted).then_some(content)
    })
}

fn read(path: &Path) -> anyhow::Result<ExecutableContent> {
    let file = executable::file(path)?;
    let image = golang::read(&file)?;
    let sha256 = file_digest::of(&file)?;
    // It may have been written while it was read.
    file.verify()?;
    Ok(ExecutableContent {
        sha256,
        kind: ProgramKind::of_image(&image),
        identity: file.inode_and_ctime(),
        htlhash: image.htlhash,
    })
}
