//! Counting by valgrind's callgrind.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::bounds::Figures;
use crate::shell;

/// The function that the example calls before and after each work. At each call callgrind writes a part and counts
/// from zero, so each second part is a work.
const MARK: &str = "instructions::mark*";

/// Runs the example under callgrind. Returns the instructions a unit of each work.
pub(super) fn count(example: &Path) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("part");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]);
    valgrind.arg(format!("--dump-before={MARK}"));
    let printed = shell::output(valgrind.arg(example))?;
    let mut figures = Figures::new();
    for (number, line) in printed.lines().enumerate() {
        let (units, name) = line.split_once(' ').context("the example printed no name")?;
        let units: u64 = units.parse().with_context(|| format!("the example printed {line:?}"))?;
        ensure!(units > 0, "{name}: nothing was done");
        let part = folder.path().join(format!("part.{}", 2 * (number + 1)));
        let text = fs::read_to_string(&part).with_context(|| format!("{name}: callgrind counted nothing"))?;
        figures.insert(name.to_owned(), total(&text).with_context(|| format!("{name}: no total"))? / units);
    }
    ensure!(!figures.is_empty(), "the example did nothing");
    Ok(figures)
}

/// Returns the total of a part that callgrind wrote.
fn total(part: &str) -> Option<u64> {
    part.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_that_of_the_part() {
        let part = "# callgrind format\nversion: 1\npart: 1\n\nfn=(1) a\n10 5\ntotals: 1234567\n";
        assert_eq!(total(part), Some(1_234_567));
        assert_eq!(total("version: 1\n"), None);
    }
}
