//! The table of ways to start `go run` in `docs/enforcement.md`.

use super::ways::WAYS;

const TEXT: &str = include_str!("../../../../docs/enforcement.md");

/// Returns the section of the document.
fn section() -> &'static str {
    let (_, rest) = TEXT.split_once("\n## Ways to start it\n").unwrap();
    rest.split("\n## ").next().unwrap()
}

/// Compares the table with the tested ways: way, `kill`, `deny` and what is not covered.
pub(super) fn ways() {
    let rows = section().lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<Vec<&str>> = rows.skip(1).map(|row| row.split(" | ").collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 4 && !row[3].is_empty()), "what is not covered: {rows:#?}");
    let said: Vec<_> = rows.iter().map(|row| (row[0], row[1], row[2])).collect();
    let tried: Vec<_> = WAYS.iter().map(|way| (way.name, way.kill.text(), way.deny.text())).collect();
    assert_eq!(said, tried);
}

/// Returns the document's rule for the dynamic linker.
pub(super) fn linker() -> String {
    let (_, rest) = section().split_once("```toml\n").unwrap();
    rest.split("```").next().unwrap().to_owned()
}
