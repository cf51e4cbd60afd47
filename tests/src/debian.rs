//! Debian packages that tests hold tracego against: unpacked below `target`, not installed.

use std::{fs, path::PathBuf, process::Command};

use crate::python::{installed, run, target};

/// Folder that holds the content of these packages, or why there is none.
///
/// # Errors
/// What is missing on this machine, in few words.
pub fn packages(names: &[&str]) -> Result<PathBuf, String> {
    let folder = target().join("debian").join(names[0]);
    installed(&folder, &names.join(" "), || {
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(said)?;
        run(Command::new("apt-get")
            .args(["--quiet", "--quiet", "download"])
            .args(names)
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
