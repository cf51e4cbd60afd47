//! The Debian package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{
    Release,
    content::{self, DOC, Places},
    short,
    staging::Staging,
};
use crate::{shell, toolchain};
use anyhow::{Context, Result};

const PLACES: Places = Places { zsh: "usr/share/zsh/vendor-completions", licences: DOC };
const CONFFILES: &str = "/etc/tracego/tracego.toml\n";
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
const DESCRIPTION: &str = "records every program execution on this machine
 tracego records what ran, for which commit and CI job, and what is wrong with
 it: an eBPF program hooks every program start, and the records go to files,
 syslog, journald, OpenTelemetry collectors or webhooks.
 .
 It flags Go programs that run in a way production must not see, such as
 `go run` in a service, and can stop them.
";
const OVERRIDES: &str = "# The package is not from Debian's archive, so no bug asked for it.\n\
                         tracego: initial-upload-closes-no-bugs *\n";

/// Makes the package. Returns its path.
pub(crate) fn make(release: &Release, to: &Path) -> Result<PathBuf> {
    let staging = Staging::new(to.join("deb"), &release.root)?;
    content::fill(&staging, release, &PLACES)?;
    staging.copy("deploy/debian/copyright", &format!("{DOC}/copyright"))?;
    staging.write("usr/share/lintian/overrides/tracego", 0o644, OVERRIDES.as_bytes())?;
    let changelog = changelog(release)?;
    staging.compress(&[staging.write(&format!("{DOC}/changelog.Debian"), 0o644, changelog.as_bytes())?])?;
    let size = installed_size(&staging.folder)?;
    let architecture = shell::output(Command::new("dpkg").arg("--print-architecture"))?;
    let version = format!("{}-{}", release.version, release.revision);
    let control = format!(
        "Package: tracego\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {}\n\
         Installed-Size: {size}\nDepends: {}, init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers, \
         systemd | systemd-standalone-tmpfiles\nSection: admin\nPriority: optional\nDescription: {DESCRIPTION}",
        release.maintainer,
        libraries(release, to)?
    );
    let sums = sums(&staging.folder)?;
    staging.write("DEBIAN/control", 0o644, control.as_bytes())?;
    staging.write("DEBIAN/conffiles", 0o644, CONFFILES.as_bytes())?;
    staging.write("DEBIAN/md5sums", 0o644, sums.as_bytes())?;
    for script in SCRIPTS {
        let content = fs::read(release.root.join("deploy/debian").join(script))?;
        staging.write(&format!("DEBIAN/{script}"), 0o755, &content)?;
    }
    let package = to.join(format!("tracego_{version}_{architecture}.deb"));
    let mut build = Command::new("dpkg-deb");
    // One thread, because the bytes must not depend on the number of processors.
    build.args(["--root-owner-group", "--threads-max=1"]);
    build.args(if release.is_trial { ["-Zgzip", "-z1"] } else { ["-Zxz", "-z6"] }).arg("--build");
    build.arg(&staging.folder).arg(&package);
    // Times of files and of the archive are cut to it.
    staging.age(&release.epoch)?;
    shell::run(build.env("SOURCE_DATE_EPOCH", &release.epoch))?;
    fs::remove_dir_all(&staging.folder)?;
    Ok(package)
}

/// Returns the changelog of the packaging.
fn changelog(release: &Release) -> Result<String> {
    let time = release.time()?;
    let (day, month) = (short(time.weekday()), short(time.month()));
    let (hour, minute, second) = time.to_hms();
    let date =
        format!("{day}, {:02} {month} {} {hour:02}:{minute:02}:{second:02} +0000", time.day(), time.year());
    Ok(format!(
        "tracego ({}-{}) unstable; urgency=medium\n\n  * The changes are in changelog.gz.\n\n \
         -- {}  {date}\n",
        release.version, release.revision, release.maintainer
    ))
}

/// Returns the packages of the libraries that the program is linked to, with the versions that it needs.
fn libraries(release: &Release, folder: &Path) -> Result<String> {
    toolchain::install_command("dpkg-shlibdeps", "dpkg-dev", "it finds the libraries of the Debian package")?;
    // dpkg-shlibdeps looks for this file in the current folder.
    let debian = folder.join("shlibdeps/debian");
    fs::create_dir_all(&debian)?;
    fs::write(debian.join("control"), "Source: tracego\n\nPackage: tracego\nArchitecture: any\n")?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(folder.join("shlibdeps")).args(["-O", "-e"]).arg(&release.program);
    let found = shell::output(&mut command)?;
    fs::remove_dir_all(folder.join("shlibdeps"))?;
    let depends = found.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    depends.map(str::to_owned).context("dpkg-shlibdeps names no libraries")
}

/// Returns the size of all files in KiB, each rounded up, as Debian Policy 5.6.20 has it.
fn installed_size(folder: &Path) -> Result<u64> {
    let mut size = 1;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        size += match entry.file_type()?.is_dir() {
            true => installed_size(&entry.path())?,
            false => entry.metadata()?.len().div_ceil(1024),
        };
    }
    Ok(size)
}

/// Returns the content of `md5sums`.
fn sums(folder: &Path) -> Result<String> {
    let script = "find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum";
    Ok(shell::output(Command::new("sh").args(["-c", script]).current_dir(folder))? + "\n")
}
