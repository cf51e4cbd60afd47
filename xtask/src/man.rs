//! `cargo xtask man`: generates man pages and completions from the definition of the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{shell, test};

/// Folders that the generator writes.
const FOLDERS: [&str; 2] = ["man", "completions"];
/// Parent folder of the committed files.
const COMMITTED: &str = "deploy";

/// Options of `cargo xtask man`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail unless the committed files are what the command line generates
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes the files to `deploy/`, or compares them.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = shell::root()?;
    let fresh = shell::target()?.join("man");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).context("cannot empty target/man")?;
    }
    test::build()?;
    shell::run(Command::new(shell::target()?.join("debug/examples/generate")).arg(&fresh))?;
    for folder in FOLDERS {
        let (made, committed) = (files(&fresh.join(folder))?, root.join(COMMITTED).join(folder));
        if args.check {
            compare(&made, &files(&committed)?, folder)?;
        } else {
            write(&made, &committed)?;
            eprintln!("{COMMITTED}/{folder}: {} files", made.len());
        }
    }
    Ok(())
}

type Files = BTreeMap<String, Vec<u8>>;

/// Returns the files of a folder by name; an empty map when the folder is missing.
fn files(folder: &Path) -> Result<Files> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Files::new()) };
    let mut found = Files::new();
    for entry in entries {
        let entry = entry?;
        let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {}", folder.display()))?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    Ok(found)
}

fn write(made: &Files, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, bytes) in made {
        fs::write(folder.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

fn compare(made: &Files, committed: &Files, folder: &str) -> Result<()> {
    let names = made.keys().chain(committed.keys());
    let stale: Vec<&str> =
        names.filter(|name| made.get(*name) != committed.get(*name)).map(String::as_str).collect();
    if stale.is_empty() {
        return Ok(());
    }
    bail!("{COMMITTED}/{folder} is stale: run `cargo xtask man` and commit it: {}", stale.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_a_missing_and_a_left_over_file_are_named() {
        let files = |pairs: &[(&str, &str)]| -> Files {
            pairs.iter().map(|&(name, text)| (name.to_owned(), text.into())).collect()
        };
        compare(&files(&[("a", "1")]), &files(&[("a", "1")]), "man").unwrap();
        let error = compare(&files(&[("a", "1"), ("b", "1")]), &files(&[("a", "2"), ("c", "1")]), "man");
        let text = error.unwrap_err().to_string();
        assert!(text.contains("a, b") && text.contains('c'), "{text}");
    }
}
