//! Programs of many releases of Go, from the npm packages of esbuild: PyPI has no toolchains of Go 1.16 and 1.17.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::go;

/// Returns the program in an npm package of esbuild for Linux, and downloads it first if it is missing.
///
/// # Errors
/// Names what is missing on this machine, in few words.
pub fn program(package: &str) -> Result<PathBuf, String> {
    let folder = go::once(&package.replace('/', "+"), |into| {
        run(Command::new("npm").args(["pack", "--silent", package]), into)?;
        let archive = only(into)?;
        run(Command::new("tar").arg("xzf").arg(archive), into)?;
        Ok(into.join("package"))
    });
    Ok(folder?.join("bin/esbuild"))
}

fn only(folder: &Path) -> Result<PathBuf, String> {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.next().map(|entry| entry.path()).ok_or_else(|| "nothing was downloaded".to_owned())
}

fn run(command: &mut Command, folder: &Path) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir(folder).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}", text.lines().last().unwrap_or_default()))
}
