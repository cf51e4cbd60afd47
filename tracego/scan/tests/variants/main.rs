//! Variants of `go run` in files, each with the findings that it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ci;
mod ci_values;
mod dockerfile;
mod hostile;
mod makefiles;
mod no_finding;
mod other_files;
mod programs;
mod services;
mod shell;
mod tasks;
mod tree;
mod wrappers;

use std::{fs, path::PathBuf};

use tracego_scan::tree::{ScanOptions, ScanReport, scan};

/// Writes files into a folder and scans it.
fn report(files: &[(&str, &str)], options: impl FnOnce(&mut ScanOptions)) -> ScanReport {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let mut scanned = ScanOptions {
        paths: vec![folder.path().to_owned()],
        today: "2026-11-30".into(),
        ..ScanOptions::default()
    };
    options(&mut scanned);
    let mut report = scan(&scanned).unwrap();
    let prefix = format!("{}/", folder.path().display());
    for finding in &mut report.findings {
        finding.path = finding.path.trim_start_matches(&prefix).to_owned();
    }
    report
}

/// Returns the findings of files, each as `path:line id variant severity`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let report = report(files, |_| {});
    assert_eq!(report.unread, [], "{files:?}");
    let shown = |finding: &tracego_scan::finding::ScanFinding| {
        let (rule, variant) = (finding.case.rule.id, finding.case.variant);
        format!("{}:{} {rule} {variant} {}", finding.path, finding.start.line, finding.case.severity)
    };
    report.findings.iter().map(shown).collect()
}

/// Checks the findings of files.
#[track_caller]
fn finds(files: &[(&str, &str)], wanted: &[&str]) {
    assert_eq!(
        found(files),
        wanted,
        "\n{}",
        files.iter().map(|(path, text)| format!("--- {path}\n{text}\n")).collect::<String>()
    );
}

/// Checks that each text is a file with these findings; reports all that are not.
#[track_caller]
fn each(path: &str, texts: &[&str], wanted: &[&str]) {
    let wanted: Vec<String> = wanted.iter().map(|found| format!("{path}:{found}")).collect();
    let found = |text: &&&str| found(&[GO_MOD, (path, text)]);
    let other: Vec<_> =
        texts.iter().map(|text| (text, found(&text))).filter(|(_, found)| *found != wanted).collect();
    assert!(other.is_empty(), "wanted {wanted:?} of {path}: {other:#?}");
}

/// The go.mod of the tree of a test.
const GO_MOD: (&str, &str) = ("go.mod", "module example.com/shop\n\ngo 1.24\n");

/// Returns the path of a file of the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

#[test]
fn tracego_itself_has_no_finding() {
    let options = ScanOptions {
        paths: vec![repository("deploy"), repository(".ci"), repository("xtask")],
        today: "2026-11-30".into(),
        ..ScanOptions::default()
    };
    let report = scan(&options).unwrap();
    assert!(report.files >= 20, "{} files", report.files);
    let counted = report.findings.iter().filter(|finding| finding.suppressed.is_none());
    let counted: Vec<_> = counted.map(|finding| (&finding.path, &finding.case.subject)).collect();
    assert_eq!(counted, []);
}
