//! The tarball: the program, its man pages and completions, the documents, and the service.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{Release, staging::Staging};

/// Folders of the workspace that the tarball has.
const FOLDERS: [&str; 7] = [
    "deploy/man",
    "deploy/completions",
    "deploy/policies",
    "deploy/systemd",
    "deploy/systemd/drop-ins",
    "docs",
    "tracego/schema",
];
/// Files of the workspace that the tarball has.
const FILES: [&str; 6] =
    ["deploy/tracego.toml", "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "LICENSE-GPL-2.0"];

/// Makes the tarball. Returns its path.
pub(super) fn make(release: &Release, to: &Path) -> Result<PathBuf> {
    let name = format!("tracego-{}-{}-linux", release.version, std::env::consts::ARCH);
    let staging = Staging::new(to.join("tarball"), &release.root)?;
    // The folder `tracego` has the schemas, to which documents link.
    staging.write(&format!("{name}/bin/tracego"), 0o755, &fs::read(&release.program)?)?;
    for folder in FOLDERS {
        for entry in fs::read_dir(release.root.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                staging.copy(&path, &format!("{name}/{path}"))?;
            }
        }
    }
    for file in FILES {
        staging.copy(file, &format!("{name}/{file}"))?;
    }
    staging.write(&format!("{name}/THIRD-PARTY-LICENSES"), 0o644, release.licences.as_bytes())?;
    let path = to.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=root:0", "--group=root:0", "--format=ustar"]);
    tar.arg(format!("--mtime=@{}", release.epoch)).arg("-C").arg(&staging.folder).args(["-cf", "-", &name]);
    let mut tar = tar.stdout(Stdio::piped()).spawn().context("cannot start tar")?;
    let archive = tar.stdout.take().context("tar has no output")?;
    let level = if release.is_trial { "-1" } else { "-9" };
    let gzip =
        Command::new("gzip").args([level, "-n"]).stdin(archive).stdout(File::create(&path)?).status()?;
    ensure!(gzip.success() && tar.wait()?.success(), "tar or gzip failed");
    fs::remove_dir_all(&staging.folder)?;
    Ok(path)
}
