//! The files that git has staged for the next commit.

use std::process::Command;

use anyhow::{Context as _, bail};
use tracego_scan::{document::DocumentKind, source::MAX_FILE};

/// Returns the staged files that can hold commands, each with its staged content.
pub(super) fn files() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let listed =
        git(&["diff", "--cached", "--name-only", "--relative", "--no-ext-diff", "-z", "--diff-filter=ACMR"])?;
    let mut found = Vec::new();
    for path in listed.split(|b| *b == 0).filter(|path| !path.is_empty()) {
        let path = String::from_utf8_lossy(path).into_owned();
        let has_no_ending = !path.rsplit('/').next().unwrap_or_default().contains('.');
        if DocumentKind::of(&path).is_none() && !has_no_ending {
            continue;
        }
        let content = git(&["cat-file", "blob", &format!(":./{path}")])?;
        if u64::try_from(content.len()).is_ok_and(|length| length <= MAX_FILE) {
            found.push((path, content));
        }
    }
    Ok(found)
}

fn git(arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("git").args(arguments).output().context("--staged: cannot start git")?;
    if !output.status.success() {
        bail!("--staged: git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
