//! The RPM package, made by rpmbuild from deploy/rpm/tracego.spec.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    Release,
    content::{self, Places},
    short,
    staging::Staging,
};
use crate::{shell, toolchain};

const PLACES: Places = Places { zsh: "usr/share/zsh/site-functions", licences: "usr/share/licenses/tracego" };
const LICENCES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-GPL-2.0", "LICENSE-MIT"];
/// Macros that keep the machine and the time of the build out of the package, whatever the distribution's are.
const MACROS: [(&str, &str); 7] = [
    ("_buildhost", "localhost"),
    ("use_source_date_epoch_as_buildtime", "1"),
    ("clamp_mtime_to_source_date_epoch", "1"),
    ("source_date_epoch_from_changelog", "0"),
    // SHA-256.
    ("_binary_filedigest_algorithm", "8"),
    ("_source_filedigest_algorithm", "8"),
    ("_binary_filedigest_sha_algorithm", "8"),
];

/// Makes the package. Returns its path.
pub(super) fn make(release: &Release, to: &Path) -> Result<PathBuf> {
    toolchain::install_command("rpmbuild", "rpm", "it makes the RPM package")?;
    let staging = Staging::new(to.join("rpm"), &release.root)?;
    content::fill(&staging, release, &PLACES)?;
    for name in LICENCES {
        staging.copy(name, &format!("{}/{name}", PLACES.licences))?;
    }
    staging.age(&release.epoch)?;
    // rpmbuild names its files after the version; what it works with is thrown away.
    let work = tempfile::tempdir_in(to).context("no temporary folder")?;
    let mut build = Command::new("rpmbuild");
    let mut define = |name: &str, value: &str| {
        build.arg("--define").arg(format!("{name} {value}"));
    };
    define("_topdir", &work.path().display().to_string());
    define("staging", &staging.folder.display().to_string());
    define("tracego_version", &release.version);
    define("revision", &release.revision.to_string());
    let time = release.time()?;
    let (day, month) = (short(time.weekday()), short(time.month()));
    define("changelog_date", &format!("{day} {month} {:02} {}", time.day(), time.year()));
    define("maintainer", &release.maintainer);
    define("_binary_payload", if release.is_trial { "w1.gzdio" } else { "w7.xzdio" });
    MACROS.iter().for_each(|(name, value)| define(name, value));
    build.args(["-bb", "--quiet", "--target", &format!("{}-linux", std::env::consts::ARCH)]);
    build.arg(release.root.join("deploy/rpm/tracego.spec")).env("SOURCE_DATE_EPOCH", &release.epoch);
    shell::run(&mut build)?;
    let name = format!("tracego-{}-{}.{}.rpm", release.version, release.revision, std::env::consts::ARCH);
    let made = work.path().join("RPMS").join(std::env::consts::ARCH).join(&name);
    let package = to.join(name);
    fs::rename(&made, &package).with_context(|| format!("rpmbuild made no {}", made.display()))?;
    fs::remove_dir_all(&staging.folder)?;
    Ok(package)
}
