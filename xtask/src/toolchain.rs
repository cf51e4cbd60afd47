//! The compiler and the linker for the BPF target.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// The BPF target: eBPF, little endian.
pub(crate) const TARGET: &str = "bpfel-unknown-none";
/// The distribution's compiler, and the folder of the BPF target's core library.
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
const CORE: &str = "/usr/lib/rustlib/bpfel-unknown-none";
/// Packages of the compiler, its BPF core library, and the libraries that bpf-linker is built against.
const PACKAGES: [&str; 7] = [
    "rustc-web",
    "libstd-rust-web-dev-bpf",
    "llvm-22-dev",
    "libpolly-22-dev",
    "zlib1g-dev",
    "libzstd-dev",
    "libxml2-dev",
];
const LINKER: &str = "0.13.0";
const LLVM: &str = "/usr/lib/llvm-22";

/// The toolchain that builds the BPF object on this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The distribution's rustc with its precompiled BPF core library.
    Packaged,
    /// Nightly rustc, which builds the core library itself.
    Nightly,
}

impl Toolchain {
    /// Chooses a toolchain, prints the choice, and installs missing parts.
    pub(crate) fn ready() -> Result<Self> {
        let installed = Path::new(RUSTC).exists() && Path::new(CORE).exists();
        let way = if installed || shell::succeeds(Command::new("apt-get").arg("--version")) {
            eprintln!("BPF toolchain: the distribution's rustc and its {TARGET} core library");
            Self::Packaged
        } else {
            eprintln!("BPF toolchain: nightly rustc with -Z build-std=core (apt-get is not available here)");
            ensure!(
                shell::succeeds(Command::new("cargo").args(["+nightly", "--version"])),
                "no nightly: rustup toolchain install nightly --component rust-src"
            );
            Self::Nightly
        };
        if way == Self::Packaged && !installed {
            install_packages()?;
        }
        install_linker(way)?;
        Ok(way)
    }

    /// Returns a cargo command for this toolchain, without settings of the caller that could change the
    /// object.
    pub(crate) fn cargo(self) -> Result<Command> {
        let mut command = match self {
            Self::Packaged => shell::cargo()?,
            Self::Nightly => {
                let mut command = Command::new("cargo");
                command.arg("+nightly").current_dir(shell::root()?);
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(changes_build) {
                command.env_remove(name);
            }
        }
        // Empty values also disable wrappers from the user's own cargo configuration.
        command.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        if self == Self::Packaged {
            // The BPF targets are not stable, so a stable compiler needs the bootstrap variable.
            command.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1");
        }
        Ok(command)
    }

    /// Returns the version line of the compiler.
    pub(crate) fn compiler(self) -> Result<String> {
        match self {
            Self::Packaged => shell::output(Command::new(RUSTC).arg("--version")),
            Self::Nightly => shell::output(
                Command::new("rustc").args(["+nightly", "--version"]).env_remove("RUSTUP_TOOLCHAIN"),
            ),
        }
    }
}

/// Returns the version line of the linker.
pub(crate) fn linker() -> Result<String> {
    shell::output(Command::new("bpf-linker").arg("--version"))
}

/// Returns whether a variable can affect the build. Variables for cargo's folders and registries cannot.
fn changes_build(name: &str) -> bool {
    const KEEP: [&str; 6] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];
    let steers = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "SOURCE_DATE_EPOCH"];
    steers.iter().any(|prefix| name.starts_with(prefix))
        && !KEEP.iter().any(|prefix| name.starts_with(prefix))
}

/// Installs the distribution's compiler if it is missing.
pub(crate) fn install_compiler() -> Result<()> {
    if Path::new(RUSTC).exists() { Ok(()) } else { install_packages() }
}

/// Installs the distribution's packages, after a message.
fn install_packages() -> Result<()> {
    apt(&PACKAGES, &format!("{RUSTC} or {CORE} is missing"))?;
    ensure!(Path::new(CORE).exists(), "the packages are installed, but {CORE} is still missing");
    Ok(())
}

/// Installs the package of a missing command, after a message with the reason.
pub(crate) fn install_command(command: &str, package: &str, why: &str) -> Result<()> {
    // Looked up by the shell, because not every command knows `--version`.
    if shell::succeeds(Command::new("sh").args(["-c", "command -v \"$1\"", "sh", command])) {
        return Ok(());
    }
    ensure!(
        shell::succeeds(Command::new("apt-get").arg("--version")),
        "{command} is missing, and there is no apt-get here: install {package} by your system's means"
    );
    apt(&[package], &format!("{command} is missing: {why}"))
}

/// Installs the distribution's packages, after a message with the reason.
pub(crate) fn apt(packages: &[&str], why: &str) -> Result<()> {
    eprintln!("installing with apt-get, because {why}: {}", packages.join(" "));
    let apt = || -> Result<Command> {
        let mut command = shell::as_root("env")?;
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        Ok(command)
    };
    shell::run(apt()?.arg("update"))?;
    shell::run(apt()?.args(["install", "-y", "--no-install-recommends"]).args(packages))
}

/// Installs bpf-linker, after a message, unless the exact version is already installed.
fn install_linker(way: Toolchain) -> Result<()> {
    let wanted = format!("bpf-linker {LINKER}");
    let found = linker().unwrap_or_else(|_| "none".to_owned());
    if found == wanted {
        return Ok(());
    }
    eprintln!("installing {wanted} with cargo, because it links the BPF object (found: {found})");
    let mut command = shell::cargo()?;
    command.args(["install", "--locked", "bpf-linker", "--version", LINKER]);
    if way == Toolchain::Packaged {
        // rustc-web and the linker must read the same bitcode, so both use LLVM 22.
        command.args(["--no-default-features", "--features", "llvm-22"]);
        command.env("LLVM_PREFIX", LLVM).env("LLVM_SYS_221_PREFIX", LLVM);
    }
    shell::run(&mut command)?;
    let found = linker().context("bpf-linker is installed, but its folder is not in PATH")?;
    ensure!(found == wanted, "PATH finds {found} instead of {wanted}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::changes_build;

    #[test]
    fn only_what_steers_the_compiler_is_cleared() {
        for name in [
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTUP_TOOLCHAIN",
            "CARGO_BUILD_TARGET",
        ] {
            assert!(changes_build(name), "{name}");
        }
        for name in ["CARGO_HOME", "PATH", "RUSTUP_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X_INDEX"] {
            assert!(!changes_build(name), "{name}");
        }
    }
}
