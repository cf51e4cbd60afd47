//! What `docs/enforcement.md` says about ways to start it.

use super::ways::WAYS;

const TEXT: &str = include_str!("../../../../docs/enforcement.md");

/// The section of the documentation.
fn section() -> &'static str {
    let (_, rest) = TEXT.split_once("\n## Ways to start it\n").unwrap();
    rest.split("\n## ").next().unwrap()
}

/// Way, `kill`, `deny` and what is not covered.
pub(super) fn ways() {
    let rows = section().lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<Vec<&str>> = rows.skip(1).map(|row| row.split(" | ").collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 4 && !row[3].is_empty()), "what is not covered: {rows:#?}");
    let said: Vec<_> = rows.iter().map(|row| (row[0], row[1], row[2])).collect();
    let tried: Vec<_> = WAYS.iter().map(|way| (way.name, way.kill.text(), way.deny.text())).collect();
    assert_eq!(said, tried);
}

/// The rule that it has for the dynamic linker.
pub(super) fn linker() -> String {
    let (_, rest) = section().split_once("```toml\n").unwrap();
    rest.split("```").next().unwrap().to_owned()
}
