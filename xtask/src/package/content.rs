//! The files that the packages of all distributions have in common.

use std::fs;

use anyhow::Result;

use super::{Release, staging::Staging};

/// Folder of the documents.
pub(super) const DOC: &str = "usr/share/doc/tracego";
/// Files of the workspace and their places.
const FILES: [(&str, &str); 8] = [
    ("deploy/systemd/tracego.service", "usr/lib/systemd/system/tracego.service"),
    ("deploy/systemd/tracego.preset", "usr/lib/systemd/system-preset/50-tracego.preset"),
    ("deploy/systemd/tracego.sysusers", "usr/lib/sysusers.d/tracego.conf"),
    ("deploy/systemd/tracego.tmpfiles", "usr/lib/tmpfiles.d/tracego.conf"),
    ("deploy/systemd/tracego.toml", "etc/tracego/tracego.toml"),
    ("deploy/tracego.toml", "usr/share/doc/tracego/examples/tracego.toml"),
    ("deploy/completions/tracego.bash", "usr/share/bash-completion/completions/tracego"),
    ("deploy/completions/tracego.fish", "usr/share/fish/vendor_completions.d/tracego.fish"),
];
/// Folders of the workspace and their places.
const FOLDERS: [(&str, &str); 2] = [
    ("deploy/policies", "usr/share/tracego/policies"),
    ("deploy/systemd/drop-ins", "usr/share/doc/tracego/examples/drop-ins"),
];

/// The places that differ between distributions.
pub(super) struct Places {
    /// Folder of the completions of zsh.
    pub(super) zsh: &'static str,
    /// Folder of the texts of the licences.
    pub(super) licences: &'static str,
}

/// Adds the files to an empty folder.
pub(super) fn fill(staging: &Staging, release: &Release, places: &Places) -> Result<()> {
    staging.write("usr/bin/tracego", 0o755, &fs::read(&release.program)?)?;
    staging.program("deploy/ci/tracego-job", "usr/bin/tracego-job")?;
    for (from, to) in FILES {
        staging.copy(from, to)?;
    }
    for (from, to) in FOLDERS {
        staging.copy_folder(from, to)?;
    }
    staging.folder("etc/tracego/conf.d")?;
    staging.copy("deploy/completions/_tracego", &format!("{}/_tracego", places.zsh))?;
    let mut plain = staging.copy_folder("deploy/man", "usr/share/man/man1")?;
    plain.push(staging.copy("deploy/ci/tracego-job.1", "usr/share/man/man1/tracego-job.1")?);
    plain.push(staging.copy("CHANGELOG.md", &format!("{DOC}/changelog"))?);
    let licences = format!("{}/THIRD-PARTY-LICENSES", places.licences);
    plain.push(staging.write(&licences, 0o644, release.licences.as_bytes())?);
    staging.compress(&plain)
}
