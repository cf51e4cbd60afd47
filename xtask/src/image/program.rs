//! The static program of an image, and the crates that it is made of.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, Object as _, ObjectKind, read::elf};
use serde_json::Value;

use super::archive::Platform;
use crate::{dist::STATIC_TARGET, shell};

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
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", STATIC_TARGET]);
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
