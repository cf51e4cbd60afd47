//! The texts of the licences of all crates in the program. Most crates share one of a few texts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::program;

/// Beginnings of the names of files with licences.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Returns all texts, each below the names of its crates.
pub(super) fn text(metadata: &Value) -> Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in program::packages(metadata)? {
        let name = format!("{} {}", word(package, "name")?, word(package, "version")?);
        // Crates of the workspace have the licences of tracego.
        if package["source"].is_null() {
            continue;
        }
        let folder =
            Path::new(word(package, "manifest_path")?).parent().context("a manifest without a folder")?;
        let mut found = false;
        for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().to_uppercase();
            if NAMES.iter().any(|name| file.starts_with(name)) && entry.path().is_file() {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                texts.entry(text.trim().to_owned()).or_default().insert(name.clone());
                found = true;
            }
        }
        if !found {
            let licence = package["license"].as_str().unwrap_or("unknown");
            texts.entry(format!("(no text in the crate; its licence: {licence})")).or_default().insert(name);
        }
    }
    let mut out = String::from("Licences of the libraries in the program tracego\n");
    for (text, crates) in &texts {
        let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
        write!(out, "\n{}\n{}\n\n{text}\n", "=".repeat(80), crates.join(", "))?;
    }
    Ok(out)
}

/// Returns a text of a package's description.
pub(super) fn word<'a>(package: &'a Value, key: &str) -> Result<&'a str> {
    package[key].as_str().with_context(|| format!("a package without {key}"))
}
