//! The files that git has staged for the next commit.

use std::process::Command;

use anyhow::{Context as _, bail};
use tracego_scan::document::DocumentKind;

/// Returns the staged files of the whole repository that can hold commands, each with its staged content. Paths are
/// relative to the top folder of the repository, whatever folder the command is started in. The go.mod there is among them.
pub(super) fn files() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let arguments =
        ["--cached", "--no-ext-diff", "--raw", "--no-abbrev", "-z", "--diff-filter=ACMRT", "--no-renames"];
    let listed = git(&[&["diff"], &arguments[..]].concat())?;
    let mut fields = listed.split(|b| *b == 0).filter(|field| !field.is_empty());
    let mut found = Vec::new();
    // `:OLD_MODE NEW_MODE OLD_ID NEW_ID STATUS`, and the path.
    while let (Some(change), Some(path)) = (fields.next(), fields.next()) {
        let change = String::from_utf8_lossy(change).into_owned();
        let mut words = change.split(' ');
        let (mode, id) = (words.nth(1).unwrap_or_default(), words.nth(1).unwrap_or_default());
        let path = String::from_utf8_lossy(path).into_owned();
        // Neither a symbolic link nor a submodule has content of its own.
        if mode.starts_with("100") && may_hold_commands(&path) {
            found.push((path, git(&["cat-file", "blob", id])?));
        }
    }
    if !found.iter().any(|(path, _)| path == "go.mod") {
        found
            .extend(git(&["cat-file", "blob", ":go.mod"]).ok().map(|content| ("go.mod".to_owned(), content)));
    }
    Ok(found)
}

fn may_hold_commands(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    DocumentKind::of(path).is_some() || !name.contains('.') || name == "go.mod"
}

fn git(arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("git").args(arguments).output().context("--staged: cannot start git")?;
    if !output.status.success() {
        bail!("--staged: git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
