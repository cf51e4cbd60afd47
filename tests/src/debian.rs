//! Debian packages that tests compare tracego with, unpacked below `target` without installing them.

use std::{fs, path::PathBuf, process::Command};

use crate::python::{install_once, run, target};

/// Returns the folder with the content of these packages.
///
/// # Errors
/// Names what is missing on this machine, in few words.
pub fn packages(names: &[&str]) -> Result<PathBuf, String> {
    unpacked(names, || Ok(Vec::new()))
}

/// Returns the folder with the content of these packages, and of those that they need and this machine lacks.
///
/// # Errors
/// Names what is missing on this machine, in few words.
pub fn packages_with_dependencies(names: &[&str]) -> Result<PathBuf, String> {
    unpacked(names, || {
        let simulation = ["--quiet", "--quiet", "--simulate", "--no-install-recommends", "install"];
        let told = run(Command::new("apt-get").args(simulation).args(names))?;
        let installed = told.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
        Ok(installed.filter(|name| !names.contains(name)).map(str::to_owned).collect())
    })
}

fn unpacked(names: &[&str], more: impl FnOnce() -> Result<Vec<String>, String>) -> Result<PathBuf, String> {
    let folder = target().join("debian").join(names[0]);
    install_once(&folder, &names.join(" "), || {
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(said)?;
        run(Command::new("apt-get")
            .args(["--quiet", "--quiet", "download"])
            .args(names)
            .args(more()?)
            .current_dir(&folder))?;
        for entry in fs::read_dir(&folder).map_err(said)? {
            let path = entry.map_err(said)?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg").arg("-x").args([&path, &folder]))?;
                fs::remove_file(&path).map_err(said)?;
            }
        }
        Ok(())
    })?;
    Ok(folder)
}
