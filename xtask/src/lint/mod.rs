//! `cargo xtask lint`: checks format, lints, dependencies and documentation.

use anyhow::Result;

use crate::shell::{cargo, must};
use crate::{deny, ebpf, man, toolchain::Toolchain};

/// Runs all checks; stops at the first failure.
pub(crate) fn run() -> Result<()> {
    must(cargo()?.args(["fmt", "--all", "--check"]))?;
    must(cargo()?.args(["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"]))?;
    must(
        cargo()?
            .args(["clippy", "--workspace", "--exclude", "tracego-ebpf", "--all-targets", "--locked"])
            .args(["--", "-D", "warnings"]),
    )?;
    // The BPF compiler has no clippy. Other flags could change the object, so this check has its own folder.
    let toolchain = Toolchain::ready()?;
    must(ebpf::cargo(toolchain, "check", &["-Dwarnings"])?.args(["--target-dir", "target/ebpf-lint"]))?;
    man::run(&man::Args { check: true })?;
    deny::run()?;
    let mut doc = cargo()?;
    doc.args(["doc", "--workspace", "--exclude", "tracego-ebpf", "--no-deps", "--locked"]);
    must(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
}
