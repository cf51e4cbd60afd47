//! The inventory of the object's programs with the sizes that the verifier reports, so that reviews show
//! growth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{shell, test};

const INVENTORY: &str = "tracego/bpf/inventory.json";

/// The content of the committed file. Sizes depend on the kernel's verifier and configuration.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Inventory {
    kernel: String,
    /// Programs by the name of their object.
    objects: BTreeMap<String, Vec<InventoryProgram>>,
}

/// The used part of `tracego doctor --json`.
#[derive(Deserialize)]
struct Doctor {
    kernel: String,
    programs: Vec<InventoryProgram>,
}

/// A program as `tracego doctor --json` reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct InventoryProgram {
    name: String,
    verified_insns: u32,
    xlated_bytes: u32,
}

/// Writes the inventory of the committed objects, or compares it.
pub(crate) fn run(root: &Path, objects: &[&str], check: bool) -> Result<()> {
    let here = match measure(root, objects)? {
        Ok(inventory) => inventory,
        Err(reason) => {
            eprintln!("skipped: {INVENTORY}: {reason}");
            return Ok(());
        }
    };
    let path = root.join(INVENTORY);
    if !check {
        let mut text = serde_json::to_string_pretty(&here)?;
        text.push('\n');
        fs::write(&path, text).with_context(|| format!("cannot write {INVENTORY}"))?;
        eprintln!("{INVENTORY}: written");
        return Ok(());
    }
    let text = fs::read(&path).with_context(|| format!("cannot read {INVENTORY}: run `cargo xtask ebpf`"))?;
    let committed =
        serde_json::from_slice(&text).with_context(|| format!("{INVENTORY} is not an inventory"))?;
    compare(&committed, &here)
}

/// Loads the programs into the running kernel. Returns the reason when that is not possible.
fn measure(root: &Path, objects: &[&str]) -> Result<Result<Inventory, String>> {
    test::build()?;
    let mut here = Inventory { kernel: String::new(), objects: BTreeMap::new() };
    for &object in objects {
        // sudo passes no variables on.
        let mut doctor = match shell::as_root("env") {
            Ok(command) => command,
            Err(error) => return Ok(Err(error.to_string())),
        };
        doctor.arg(format!("TRACEGO_BPF_OBJECT={object}")).arg("TRACEGO_LOG=off");
        doctor.arg(shell::target()?.join("debug/tracego")).args(["doctor", "--json"]);
        let output = doctor.current_dir(root).stderr(Stdio::inherit()).output();
        let output = output.context("cannot start tracego doctor")?;
        let Doctor { kernel, programs } =
            serde_json::from_slice(&output.stdout).context("tracego doctor --json gave no report")?;
        if programs.is_empty() {
            return Ok(Err("the kernel does not allow loading BPF programs here".to_owned()));
        }
        here.kernel = kernel;
        here.objects.insert(object.to_owned(), programs);
    }
    Ok(Ok(here))
}

/// Fails with a list of all differences. On a kernel other than the committed one, prints them instead.
fn compare(committed: &Inventory, here: &Inventory) -> Result<()> {
    let names = committed.objects.keys().chain(here.objects.keys()).collect::<BTreeSet<_>>();
    let of = |inventory: &Inventory, name: &str| inventory.objects.get(name).cloned().unwrap_or_default();
    let differences: Vec<String> =
        names.into_iter().flat_map(|name| differences(name, &of(committed, name), &of(here, name))).collect();
    if differences.is_empty() {
        eprintln!("{INVENTORY}: the same on {}", here.kernel);
        return Ok(());
    }
    let list = differences.join("\n  ");
    if committed.kernel != here.kernel {
        eprintln!(
            "skipped: {INVENTORY} is of Linux {}, this is {}; here it differs:\n  {list}",
            committed.kernel, here.kernel
        );
        return Ok(());
    }
    bail!("{INVENTORY} differs from the verifier's sizes: run `cargo xtask ebpf` and commit it\n  {list}")
}

fn differences(object: &str, committed: &[InventoryProgram], here: &[InventoryProgram]) -> Vec<String> {
    let of =
        |list: &[InventoryProgram], name: &str| list.iter().find(|program| program.name == name).cloned();
    let text = |program: Option<InventoryProgram>| {
        program.map_or("absent".to_owned(), |p| {
            format!("{} instructions verified, {} bytes", p.verified_insns, p.xlated_bytes)
        })
    };
    let mut names: Vec<&str> = committed.iter().chain(here).map(|program| program.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| of(committed, name) != of(here, name))
        .map(|name| {
            format!("{object}/{name}: committed {}; here {}", text(of(committed, name)), text(of(here, name)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(kernel: &str, verified_insns: u32) -> Inventory {
        let program = InventoryProgram { name: "p".to_owned(), verified_insns, xlated_bytes: 8 };
        let objects = BTreeMap::from([("o".to_owned(), vec![program])]);
        Inventory { kernel: kernel.to_owned(), objects }
    }

    #[test]
    fn growth_is_named_and_another_kernel_is_no_failure() {
        compare(&inventory("6", 5), &inventory("6", 5)).unwrap();
        compare(&inventory("6", 5), &inventory("7", 9)).unwrap();
        let error = compare(&inventory("6", 5), &inventory("6", 9)).unwrap_err().to_string();
        assert!(error.contains("o/p: committed 5 instructions verified, 8 bytes; here 9"), "{error}");
        let gone = Inventory { objects: BTreeMap::new(), ..inventory("6", 5) };
        assert!(compare(&gone, &inventory("6", 5)).unwrap_err().to_string().contains("committed absent"));
    }
}
