//! The files of a package, in a folder that stands for the root of the machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// A folder that is filled with the files of a package.
pub(super) struct Staging {
    pub(super) folder: PathBuf,
    root: PathBuf,
}

impl Staging {
    /// Empties the folder. `root` is that of the workspace.
    pub(super) fn new(folder: PathBuf, root: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        Ok(Self { folder, root: root.to_owned() })
    }

    /// Makes a folder, and those above.
    pub(super) fn folder(&self, path: &str) -> Result<PathBuf> {
        let folder = self.folder.join(path);
        fs::create_dir_all(&folder)?;
        for above in folder.ancestors().take_while(|above| above.starts_with(&self.folder)) {
            fs::set_permissions(above, Permissions::from_mode(0o755))?;
        }
        Ok(folder)
    }

    /// Writes a file.
    pub(super) fn write(&self, path: &str, mode: u32, content: &[u8]) -> Result<PathBuf> {
        let (folder, _) = path.rsplit_once('/').context("a file without a folder")?;
        self.folder(folder)?;
        let to = self.folder.join(path);
        fs::write(&to, content).with_context(|| format!("cannot write {}", to.display()))?;
        fs::set_permissions(&to, Permissions::from_mode(mode))?;
        Ok(to)
    }

    /// Copies a file of the workspace.
    pub(super) fn copy(&self, from: &str, to: &str) -> Result<PathBuf> {
        let path = self.root.join(from);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        self.write(to, 0o644, &content)
    }

    /// Copies a script of the workspace.
    pub(super) fn program(&self, from: &str, to: &str) -> Result<PathBuf> {
        let path = self.root.join(from);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        self.write(to, 0o755, &content)
    }

    /// Copies all files of a folder of the workspace. Returns the copies.
    pub(super) fn copy_folder(&self, from: &str, to: &str) -> Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(from)).with_context(|| format!("cannot read {from}"))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        names.iter().map(|name| self.copy(&format!("{from}/{name}"), &format!("{to}/{name}"))).collect()
    }

    /// Compresses files, without their names and times.
    pub(super) fn compress(&self, files: &[PathBuf]) -> Result<()> {
        shell::run(Command::new("gzip").args(["-9", "-n"]).args(files))
    }

    /// Sets the times of all files to that of the commit, which may be later than now on a machine with a wrong clock.
    pub(super) fn age(&self, epoch: &str) -> Result<()> {
        let touch = ["touch", "--no-dereference", &format!("--date=@{epoch}"), "{}", "+"];
        shell::run(Command::new("find").arg(&self.folder).arg("-exec").args(touch))
    }
}
