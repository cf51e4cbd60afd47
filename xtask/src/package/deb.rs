//! The Debian package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use time::OffsetDateTime;

use super::{Release, staging::Staging};
use crate::{shell, toolchain};

/// Revision of the packaging.
const REVISION: &str = "1";
const MAINTAINER: &str = "tracego maintainers <maintainers@tracego.example.org>";
/// Folders of the package.
const DOC: &str = "usr/share/doc/tracego";

/// Files of the workspace and their places in the package.
const FILES: [(&str, &str); 8] = [
    ("deploy/systemd/tracego.service", "usr/lib/systemd/system/tracego.service"),
    ("deploy/systemd/tracego.preset", "usr/lib/systemd/system-preset/50-tracego.preset"),
    ("deploy/systemd/tracego.sysusers", "usr/lib/sysusers.d/tracego.conf"),
    ("deploy/systemd/tracego.tmpfiles", "usr/lib/tmpfiles.d/tracego.conf"),
    ("deploy/systemd/tracego.toml", "etc/tracego/tracego.toml"),
    ("deploy/completions/tracego.bash", "usr/share/bash-completion/completions/tracego"),
    ("deploy/completions/tracego.fish", "usr/share/fish/vendor_completions.d/tracego.fish"),
    ("deploy/completions/_tracego", "usr/share/zsh/vendor-completions/_tracego"),
];
/// Folders of the workspace and their places in the package.
const FOLDERS: [(&str, &str); 2] = [
    ("deploy/policies", "usr/share/tracego/policies"),
    ("deploy/systemd/drop-ins", "usr/share/doc/tracego/examples/drop-ins"),
];
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
    staging.write("usr/bin/tracego", 0o755, &fs::read(&release.program)?)?;
    for (from, to) in FILES {
        staging.copy(from, to)?;
    }
    for (from, to) in FOLDERS {
        staging.copy_folder(from, to)?;
    }
    staging.folder("etc/tracego/conf.d")?;
    staging.copy("deploy/tracego.toml", &format!("{DOC}/examples/tracego.toml"))?;
    staging.copy("deploy/debian/copyright", &format!("{DOC}/copyright"))?;
    staging.write("usr/share/lintian/overrides/tracego", 0o644, OVERRIDES.as_bytes())?;
    let mut plain = staging.copy_folder("deploy/man", "usr/share/man/man1")?;
    plain.push(staging.copy("CHANGELOG.md", &format!("{DOC}/changelog"))?);
    plain.push(staging.write(&format!("{DOC}/changelog.Debian"), 0o644, changelog(release)?.as_bytes())?);
    staging.compress(&plain)?;
    let size = installed_size(&staging.folder)?;
    let architecture = shell::output(Command::new("dpkg").arg("--print-architecture"))?;
    let version = format!("{}-{REVISION}", release.version);
    let control = format!(
        "Package: tracego\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {size}\nDepends: {}, init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers, \
         systemd | systemd-standalone-tmpfiles\nSection: admin\nPriority: optional\nDescription: {DESCRIPTION}",
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
    build.args(["--root-owner-group", "--threads-max=1"]).args(release.compression).arg("--build");
    build.arg(&staging.folder).arg(&package);
    // Times of files and of the archive are cut to it.
    age(&staging.folder, &release.epoch)?;
    shell::run(build.env("SOURCE_DATE_EPOCH", &release.epoch))?;
    fs::remove_dir_all(&staging.folder)?;
    Ok(package)
}

/// Sets the times of all files to that of the commit, which may be later than now on a machine with a wrong clock.
fn age(folder: &Path, epoch: &str) -> Result<()> {
    let touch = format!("--date=@{epoch}");
    shell::run(Command::new("find").arg(folder).args([
        "-exec",
        "touch",
        "--no-dereference",
        &touch,
        "{}",
        "+",
    ]))
}

/// Returns the changelog of the packaging.
fn changelog(release: &Release) -> Result<String> {
    let time = OffsetDateTime::from_unix_timestamp(release.epoch.parse().context("SOURCE_DATE_EPOCH")?)?;
    let (weekday, month) = (time.weekday().to_string(), time.month().to_string());
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let date = format!(
        "{}, {:02} {} {} {:02}:{:02}:{:02} +0000",
        short(&weekday),
        time.day(),
        short(&month),
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    );
    Ok(format!(
        "tracego ({}-{REVISION}) unstable; urgency=medium\n\n  * The changes are in changelog.gz.\n\n \
         -- {MAINTAINER}  {date}\n",
        release.version
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
