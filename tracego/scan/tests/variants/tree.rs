//! Suppressions, exclusions, and files that cannot be read.

use super::{GO_MOD, report};

#[test]
fn a_comment_suppresses_with_a_reason() {
    let files = [
        GO_MOD,
        (
            "a.sh",
            "# tracego:allow TG001 it is a tool of ours\ngo run ./a\ngo run ./b # tracego:allow go-run until=2027-01-01 moves soon\n",
        ),
        (
            ".github/workflows/x.yml",
            "jobs:\n  a:\n    steps:\n    - run: |\n        # tracego:allow TG001 inside of a block\n        go run ./c\n    # tracego:allow TG001 in YAML\n    - run: go run ./d\n",
        ),
        ("Dockerfile", "FROM x\n# tracego:allow TG001 above\nCMD [\"go\", \"run\", \".\"]\n"),
    ];
    let report = report(&files, |_| {});
    assert_eq!(report.findings.len(), 5);
    assert!(report.findings.iter().all(|finding| finding.suppressed.is_some()), "{:?}", report.findings);
    assert_eq!(report.suppression_problems, []);
}

#[test]
fn a_comment_that_suppresses_nothing_is_reported() {
    let files = [
        GO_MOD,
        (
            "a.sh",
            "go build # tracego:allow TG001 nothing here\ngo run ./b # tracego:allow TG001 until=2026-11-29 over\ngo run ./c # tracego:allow TG001\n",
        ),
    ];
    let report = report(&files, |_| {});
    assert!(report.findings.iter().all(|finding| finding.suppressed.is_none()));
    let messages: Vec<_> = report.suppression_problems.iter().map(|p| (p.line, p.message.as_str())).collect();
    assert_eq!(messages[0], (1, "the suppression of TG001 suppresses nothing; remove it"));
    assert_eq!(messages[1], (2, "the suppression of TG001 ended on 2026-11-29"));
    assert!(messages[2].1.contains("no reason"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let files = [
        GO_MOD,
        (".github/workflows/x.yml", "jobs:\n  a:\n    steps:\n    - run: go run ./c\n    - run: [\n"),
        ("big.sh", &"# x\n".repeat(300_000)),
    ];
    let report = report(&files, |_| {});
    assert_eq!(report.large, 1);
    assert_eq!(report.unread.len(), 1);
    assert!(report.unread[0].path.ends_with("x.yml"));
    // What stands in front of the mistake is found.
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn equal_findings_have_fingerprints_of_their_own() {
    let report_of = |text: &str| {
        report(&[GO_MOD, ("a.sh", text)], |_| {})
            .findings
            .iter()
            .map(|f| f.fingerprint.clone())
            .collect::<Vec<_>>()
    };
    let two = report_of("go run ./a\ngo run ./a\n");
    assert_ne!(two[0], two[1]);
    assert_eq!(report_of("\n\ngo   run ./a\n")[0], two[0], "lines and spaces do not matter");
}

#[test]
fn excluded_paths_are_left_out() {
    let files = [GO_MOD, ("a/x.sh", "go run .\n"), ("b/x.sh", "go run .\n")];
    let report = report(&files, |options| options.excluded = vec!["a/**".into()]);
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn one_long_line_of_commands_stays_small() {
    let line = "go run ./x;".repeat(20_000);
    let report = report(&[GO_MOD, ("a.sh", &line)], |_| {});
    assert_eq!(report.findings.len(), 1000);
    assert!(report.unread[0].reason.contains("more findings than the 1000"), "{:?}", report.unread);
    assert!(report.findings.iter().all(|finding| finding.line.len() <= 400));
}
