//! The disk of the guest: Debian's root file system with the package and the checks.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{digest, package::write_checksums, shell, toolchain};

const RELEASE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";
/// Packages of the guest beside the essential ones.
const PACKAGES: &str = "systemd-sysv,dbus,udev,linux-image-cloud-amd64,initramfs-tools,iproute2,kmod,procps,zstd,\
                        curl,openssl,rsyslog,rsyslog-gnutls";
const SIZE: &str = "900M";
/// Unit that runs the checks and powers off.
const UNIT: &str = "[Unit]\nDescription=Checks of tracego.service\nAfter=multi-user.target\n[Service]\nType=oneshot\n\
                    ExecStart=/root/check.sh\nStandardOutput=file:/dev/ttyS1\nStandardError=inherit\n\
                    ExecStopPost=/usr/bin/systemctl --no-block poweroff\n";

/// The files that the emulator boots.
pub(super) struct Machine {
    pub(super) kernel: PathBuf,
    pub(super) initrd: PathBuf,
    pub(super) disk: PathBuf,
}

/// Makes the disk in the folder, with two packages, of which the second is the newer one, and the script of the ways.
pub(super) fn make(folder: &Path, packages: [&Path; 2], ways: &str) -> Result<Machine> {
    ensure!(shell::is_root()?, "the file system of the guest belongs to root: run this as root");
    toolchain::install_command("mke2fs", "e2fsprogs", "it makes the disk of the emulator")?;
    // Another choice of packages is another file system.
    let archive = folder.join(format!("root-{:.16}.tar", digest::of_bytes(PACKAGES.as_bytes())));
    if !archive.exists() {
        toolchain::install_command(
            "mmdebstrap",
            "mmdebstrap",
            "it makes the root file system of the emulator",
        )?;
        let part = folder.join("root.part.tar");
        let include = format!("--include={PACKAGES}");
        let mut command = Command::new("mmdebstrap");
        shell::run(command.args(["--variant=minbase", &include, RELEASE]).arg(&part).arg(MIRROR))?;
        fs::rename(&part, &archive)?;
    }
    let root = folder.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).context("cannot empty the root of the guest")?;
    }
    fs::create_dir_all(&root)?;
    shell::run(Command::new("tar").arg("-C").arg(&root).arg("-xf").arg(&archive))?;
    fs::copy(packages[0], root.join("root/tracego.deb"))?;
    let fleet = root.join("root/ways");
    fs::create_dir_all(&fleet)?;
    for package in packages {
        fs::copy(package, fleet.join(package.file_name().context("a package without a name")?))?;
    }
    write_checksums(&packages, &fleet)?;
    fs::write(root.join("root/ways.sh"), ways)?;
    for (name, text) in [("prepare.sh", include_str!("prepare.sh")), ("check.sh", include_str!("check.sh"))] {
        let script = root.join("root").join(name);
        fs::write(&script, text)?;
        fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    }
    fs::write(root.join("etc/systemd/system/check.service"), UNIT)?;
    let wants = root.join("etc/systemd/system/graphical.target.wants");
    fs::create_dir_all(&wants)?;
    symlink("/etc/systemd/system/check.service", wants.join("check.service"))?;
    let boot = |prefix: &str| -> Result<PathBuf> {
        let from = fs::read_dir(root.join("boot"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
            .with_context(|| format!("the guest has no {prefix}"))?;
        let to = folder.join(prefix.trim_end_matches('-'));
        fs::copy(from, &to)?;
        Ok(to)
    };
    let (kernel, initrd) = (boot("vmlinuz-")?, boot("initrd.img-")?);
    let disk = folder.join("disk.img");
    let mut mke2fs = Command::new("mke2fs");
    mke2fs.args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d"]).arg(&root).arg(&disk).arg(SIZE);
    shell::run(&mut mke2fs)?;
    fs::remove_dir_all(&root)?;
    Ok(Machine { kernel, initrd, disk })
}
