//! `cargo xtask build --arm64`: builds tracego for another CPU than this machine's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{
    archive::Archive,
    cpu::Cpu,
    shell,
    toolchain::{self, RUSTC, install_command},
};

/// Target of the compiler.
const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
/// Packages of the compiler's standard library for a CPU. They must have the version of the compiler.
const STD: [&str; 2] = ["libstd-rust-web-dev", "libstd-rust-web-1.96"];

/// Options of `cargo xtask build`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build for arm64
    #[arg(long, required = true)]
    arm64: bool,
    /// Optimized
    #[arg(long)]
    release: bool,
}

/// Builds the agent and prints its path.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.arm64, "choose a CPU: --arm64");
    let built = arm64(args.release)?;
    eprintln!("built {}", built.display());
    Ok(())
}

/// Builds the agent for arm64 with the distribution's compiler, whose standard library for other CPUs is a package.
/// Returns its path.
pub(crate) fn arm64(release: bool) -> Result<PathBuf> {
    toolchain::install_compiler()?;
    install_command(LINKER, "gcc-aarch64-linux-gnu", "it links programs for arm64")?;
    if !Path::new("/usr/aarch64-linux-gnu/include/stdio.h").exists() {
        toolchain::apt(&["libc6-dev-arm64-cross"], "the C parts of ring and zstd need arm64's headers")?;
    }
    let folder = shell::target()?.join("arm64");
    let sysroot = sysroot(&folder)?;
    let mut cargo = shell::cargo()?;
    cargo.env("RUSTC", RUSTC).env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER);
    cargo.env("CC_aarch64_unknown_linux_gnu", LINKER);
    let flags = format!("--sysroot {}", sysroot.display());
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", flags);
    // Nothing here is debugged or built twice.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
    cargo.args(["build", "--package", "tracego", "--bin", "tracego", "--locked", "--target", TARGET]);
    let built = folder.join("build");
    cargo.args(release.then_some("--release")).arg("--target-dir").arg(&built);
    shell::run(&mut cargo)?;
    Ok(built.join(TARGET).join(if release { "release" } else { "debug" }).join("tracego"))
}

/// Returns a folder with the standard libraries of this CPU, for build scripts, and of arm64.
fn sysroot(folder: &Path) -> Result<PathBuf> {
    let std = folder.join("std");
    let library = std.join("usr/lib/rustlib").join(TARGET);
    if !library.exists() {
        let version =
            shell::output(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "rustc-web"]))?;
        let archive = Archive::of_releases(Cpu::Arm64)?;
        for package in STD {
            archive.unpack(&format!("{package}={version}"), &std)?;
        }
    }
    let sysroot = folder.join("sysroot");
    let libraries = sysroot.join("lib/rustlib");
    fs::create_dir_all(&libraries).with_context(|| format!("cannot make {}", libraries.display()))?;
    let host = shell::host()?;
    for (name, target) in [(TARGET, library), (host.as_str(), Path::new("/usr/lib/rustlib").join(&host))] {
        let link = libraries.join(name);
        if fs::read_link(&link).is_ok_and(|there| there == target) {
            continue;
        }
        let _absent = fs::remove_file(&link);
        symlink(&target, &link).with_context(|| format!("cannot make {}", link.display()))?;
    }
    Ok(sysroot)
}
