//! The static program: it needs no libraries, and runs where the C library is older than the one it was built with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, Object as _, ObjectKind, read::elf};
use serde_json::Value;

use super::archive::Platform;
use crate::shell;

/// Target of the program. It has to be named, or the flags would be those of build scripts and macros, too.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the program. Returns its path.
pub(super) fn build() -> Result<PathBuf> {
    let root = shell::root()?;
    let home = cargo_home()?;
    // Paths of this machine would make the program another one in another folder.
    let library = PathBuf::from(shell::output(Command::new("rustc").args(["--print", "sysroot"]))?);
    let library = library.join("lib/rustlib/src/rust");
    let names = [(root, "/tracego"), (home, "/cargo"), (library, "/rust")];
    let flags = ["-Ctarget-feature=+crt-static".to_owned()].into_iter();
    let flags = flags
        .chain(names.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())));
    let c_flags = names.iter().map(|(path, name)| format!("-ffile-prefix-map={}={name}", path.display()));
    let mut cargo = shell::cargo()?;
    cargo.args(["build", "--package", "tracego", "--bin", "tracego", "--locked", "--profile", "dist"]);
    cargo.args(["--target", TARGET]);
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.collect::<Vec<_>>().join("\u{1f}"));
    cargo.env("CFLAGS", c_flags.collect::<Vec<_>>().join(" "));
    shell::run(&mut cargo)?;
    let program = shell::target()?.join(TARGET).join("dist/tracego");
    read(&program, Platform::Amd64)?;
    Ok(program)
}

fn cargo_home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.context("neither CARGO_HOME nor HOME is set")
}

/// Reads a program, after checking that it is a static one for the platform.
pub(super) fn read(path: &Path, platform: Platform) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = elf::ElfFile64::<object::Endianness>::parse(&*bytes);
    let file = file.with_context(|| format!("{}: not a program", path.display()))?;
    let wanted = match platform {
        Platform::Amd64 => Architecture::X86_64,
        Platform::Arm64 => Architecture::Aarch64,
    };
    ensure!(file.architecture() == wanted, "{}: not for {}", path.display(), platform.name());
    ensure!(
        matches!(file.kind(), ObjectKind::Dynamic | ObjectKind::Executable),
        "{}: not a program",
        path.display()
    );
    let interpreter = file.elf_program_headers().iter();
    let needs =
        interpreter.filter(|header| header.p_type.get(file.endian()) == object::elf::PT_INTERP).count();
    if needs > 0 {
        bail!("{}: not static: it names an interpreter", path.display());
    }
    Ok(bytes)
}

/// Returns cargo's description of the packages that the program is made of.
pub(super) fn metadata() -> Result<Value> {
    let mut cargo = shell::cargo()?;
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]);
    serde_json::from_str(&shell::output(&mut cargo)?).context("cargo's description is not JSON")
}

/// Returns the items of a list; of anything else, none.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map(|all| all.iter().collect()).unwrap_or_default()
}

/// Returns the packages that a description resolves for the program, without those for tests and builds alone.
pub(super) fn packages(metadata: &Value) -> Result<Vec<&Value>> {
    let nodes = list(&metadata["resolve"]["nodes"]);
    let all = list(&metadata["packages"]);
    let root = all.iter().find(|package| package["name"] == "tracego").context("no package tracego")?;
    let mut wanted = vec![root["id"].as_str().context("a package without an id")?];
    let mut at = 0;
    while let Some(&id) = wanted.get(at) {
        at += 1;
        let node = nodes.iter().find(|node| node["id"] == id).context("a package that is not resolved")?;
        for dependency in list(&node["deps"]) {
            let is_normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            if let (true, Some(id)) = (is_normal, dependency["pkg"].as_str())
                && !wanted.contains(&id)
            {
                wanted.push(id);
            }
        }
    }
    let mut found: Vec<&Value> = all
        .into_iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| wanted.contains(&id)))
        .collect();
    let key = |package: &Value| (package["name"].to_string(), package["version"].to_string());
    found.sort_by_key(|package| key(package));
    Ok(found)
}
