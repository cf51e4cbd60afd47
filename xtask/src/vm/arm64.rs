//! `cargo xtask vm --arm64`: a few tests on Debian's kernel for arm64.
//!
//! The test suites are not built for arm64. A script runs doctor and some commands under tracego, and looks at the
//! records.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::boot_variant::BootVariant;
use super::outcome::BootOutcome;
use super::tree::Tree;
use super::{guest, kernels, table};
use crate::{archive::Archive, cpu::Cpu, cross, shell};

/// Packages of the guest's shell and libraries.
const PACKAGES: [&str; 3] = ["busybox-static", "libc6", "libgcc-s1"];
/// Mount points that the first process of the guest uses.
const FOLDERS: [&str; 5] = ["/proc", "/sys", "/dev", "/tmp", "/root"];
/// Libraries of tracego, and the folder in which the loader looks for them.
const LIBRARIES: [&str; 3] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];
const LIBRARY_FOLDER: &str = "lib/aarch64-linux-gnu";

/// Boots the kernels and prints one table.
pub(super) fn run(series: &[String], limit: Duration) -> Result<()> {
    let tracego = cross::arm64(false)?;
    let initramfs = initramfs(&tracego)?;
    let mut outcomes = Vec::new();
    for series in series {
        let kernel = kernels::newest(series, Cpu::Arm64)?;
        let ran = guest::boot(&kernel, BootVariant::Plain, false, &initramfs, limit)?;
        outcomes.push(BootOutcome::of(&kernel, BootVariant::Plain, &ran));
    }
    table::print(None, &outcomes);
    let failed = outcomes.iter().filter(|outcome| !outcome.succeeded()).count();
    ensure!(failed == 0, "{failed} of {} boots failed", outcomes.len());
    Ok(())
}

/// Writes the guest's file system. Returns its path.
fn initramfs(tracego: &Path) -> Result<PathBuf> {
    let root = shell::target()?.join("arm64/root");
    let archive = Archive::of_releases(Cpu::Arm64)?;
    for name in PACKAGES {
        let done = root.join(format!("usr/share/doc/{name}"));
        if !done.exists() {
            archive.unpack(name, &root)?;
        }
    }
    let libraries = root.join("usr").join(LIBRARY_FOLDER);
    let mut tree = Tree::default();
    FOLDERS.iter().for_each(|folder| tree.folder(Path::new(folder)));
    tree.made("/init", 0o755, include_str!("arm64.sh"));
    tree.copied("/bin/busybox", root.join("usr/bin/busybox"));
    tree.copied("/bin/tracego", tracego.to_owned());
    tree.copied("/lib/ld-linux-aarch64.so.1", libraries.join("ld-linux-aarch64.so.1"));
    for library in LIBRARIES {
        tree.copied(&format!("/{LIBRARY_FOLDER}/{library}"), libraries.join(library));
    }
    let to = shell::target()?.join("vm/initramfs-arm64");
    tree.write(&to)?;
    Ok(to)
}
