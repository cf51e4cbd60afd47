//! `cargo xtask lint`: checks format, structure, lints, dependencies and documentation.
//!
//! `crate_graph`, `module_graph` and `opening_word` are rules of this project that no other tool checks;
//! `source` reads the Rust files for the last two. `unit_files` asks systemd about the service.

mod crate_graph;
mod module_graph;
mod module_paths;
mod opening_word;
mod source;
mod unit_files;

use anyhow::{Result, ensure};

use crate::{
    deny, ebpf, man,
    shell::{self, cargo},
    toolchain::Toolchain,
};

/// Runs all checks; stops at the first failure.
pub(crate) fn run() -> Result<()> {
    shell::run(cargo()?.args(["fmt", "--all", "--check"]))?;
    shell::run(cargo()?.args(["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"]))?;
    house_rules()?;
    unit_files::check()?;
    shell::run(
        cargo()?
            .args(["clippy", "--workspace", "--exclude", "tracego-ebpf", "--all-targets", "--locked"])
            .args(["--", "-D", "warnings"]),
    )?;
    // The BPF compiler has no clippy. Other flags could change the object, so this check has its own folder.
    let toolchain = Toolchain::ready()?;
    for features in ebpf::features() {
        let mut check = ebpf::cargo(toolchain, "check", &["-Dwarnings"])?;
        shell::run(check.args(["--target-dir", "target/ebpf-lint", "--features", &features]))?;
    }
    man::run(&man::Args { check: true })?;
    deny::run()?;
    let mut doc = cargo()?;
    doc.args(["doc", "--workspace", "--exclude", "tracego-ebpf", "--no-deps", "--locked"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// Checks the dependencies between crates and between modules, and the openings of doc comments. Fails with
/// all violations.
fn house_rules() -> Result<()> {
    let metadata =
        shell::output(cargo()?.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let packages = crate_graph::packages(&metadata)?;
    let files = source::files(&shell::root()?)?;
    let mut violations = crate_graph::violations(&packages);
    violations.extend(module_graph::violations(&packages, &files));
    violations.extend(opening_word::violations(&files));
    ensure!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
    Ok(())
}
