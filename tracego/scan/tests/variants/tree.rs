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

#[test]
fn a_comment_is_about_the_whole_statement() {
    for (path, text) in [
        ("a.sh", "# tracego:allow TG001 a tool\ncd x && \\\n  go run ./a\n"),
        ("a.sh", "# tracego:allow TG001 a tool\nsh <<EOF\nset -e\ngo run ./a\nEOF\n"),
        (
            "Dockerfile",
            "FROM x\n# tracego:allow TG001 a tool\nRUN set -e && \\\n  # why\n  go run ./a\nCMD x\n",
        ),
        ("Dockerfile", "FROM x\n# tracego:allow TG001 a tool\nRUN <<EOF\nset -e\ngo run ./a\nEOF\nCMD x\n"),
        (".gitlab-ci.yml", "x:\n  # tracego:allow TG001 a tool\n  script: |\n    set -e\n\n    go run ./a\n"),
        (".gitlab-ci.yml", "x:\n  script: > # tracego:allow TG001 a tool\n    set -e;\n    go run ./a\n"),
        ("Makefile", "x:\n\t# tracego:allow TG001 a tool\n\tcd x && \\\n\t  go run ./a\n"),
        (
            "a.go",
            "package a\nfunc f() {\n\t// tracego:allow TG001 a tool\n\texec.Command(\n\t\t\"go\", \"run\", \".\",\n\t)\n}\n",
        ),
    ] {
        let report = report(&[GO_MOD, (path, text)], |_| {});
        assert!(!report.findings.is_empty(), "{text}");
        assert!(report.findings.iter().all(|finding| finding.suppressed.is_some()), "{text}");
        assert_eq!(report.suppression_problems, [], "{text}");
    }
    for (path, text) in [
        ("a.sh", "# tracego:allow TG001 a tool\ncd x \\\n  y\ngo run ./a\n"),
        (
            ".gitlab-ci.yml",
            "x:\n  # tracego:allow TG001 a tool\n  before_script: |\n    set -e\n  script: go run ./a\n",
        ),
        ("Dockerfile", "FROM x\n# tracego:allow TG001 a tool\nRUN a && \\\n  b\nRUN go run ./a\nCMD x\n"),
    ] {
        let report = report(&[GO_MOD, (path, text)], |_| {});
        assert!(report.findings.iter().all(|finding| finding.suppressed.is_none()), "{text}");
        assert_eq!(report.suppression_problems.len(), 1, "{text}");
    }
}

#[test]
fn annotations_show_suppressions_that_do_nothing() {
    let text = "go vet # tracego:allow TG001 nothing here\ngo vet # tracego:allow TG001 until=2026-11-29 over\ngo run ./c # tracego:allow TG001\n";
    let report = report(&[GO_MOD, ("a.sh", text)], |_| {});
    let outcome =
        tracego_scan::output::ScanOutcome { report: &report, stale: &[], version: "1", has_colours: false };
    let mut out = Vec::new();
    tracego_scan::output::write(&outcome, tracego_scan::output::ScanForm::Github, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let warnings: Vec<&str> = out.lines().filter(|line| line.contains("title=tracego%3Aallow::")).collect();
    assert_eq!(warnings.len(), 3, "{out}");
    assert!(
        warnings[0].contains("line=1,") && warnings[0].ends_with("suppresses nothing; remove it"),
        "{out}"
    );
    assert!(warnings[1].contains("ended on 2026-11-29") && warnings[2].contains("gives no reason"), "{out}");
}

#[test]
fn paths_that_overlap_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    std::fs::create_dir(at("scripts")).unwrap();
    std::fs::write(at("go.mod"), GO_MOD.1).unwrap();
    std::fs::write(at(".gitlab-ci.yml"), "x:\n  script: scripts/a.sh\n").unwrap();
    std::fs::write(at("scripts/a.sh"), "go run ./x\n").unwrap();
    for paths in [
        vec!["scripts", "."],
        vec![".", "scripts/a.sh"],
        vec!["scripts/a.sh", ".", ".", "scripts/../scripts"],
    ] {
        let paths = paths.into_iter().map(at).collect();
        let options = tracego_scan::tree::ScanOptions { paths, ..Default::default() };
        let report = tracego_scan::tree::scan(&options).unwrap();
        let found: Vec<_> = report.findings.iter().map(|finding| finding.case.severity.name()).collect();
        assert_eq!((found, report.files), (vec!["high"], 2));
    }
}

#[test]
fn tests_and_examples_are_less() {
    let image = "FROM golang:1.27\nCMD [\"go\",\"run\",\".\"]\n";
    for folder in ["tests", "testdata", "examples", "a/examples/b", "test/data"] {
        let files = [
            GO_MOD,
            (&*format!("{folder}/Dockerfile"), image),
            (&*format!("{folder}/x.service"), "ExecStart=go run .\n"),
        ];
        let found = super::found(&files);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|found| found.ends_with(" low")), "{found:?}");
    }
    let called =
        [GO_MOD, ("tests/e2e.sh", "go run ./e2e\n"), (".gitlab-ci.yml", "x:\n  script: tests/e2e.sh\n")];
    super::finds(&called, &["tests/e2e.sh:1 TG001 local high"]);
    super::finds(&[GO_MOD, ("tests.sh", "go run ./e2e\n")], &["tests.sh:1 TG001 local medium"]);
}

#[test]
fn settings_of_the_go_command_are_seen_in_all_forms() {
    for (text, wanted) in [
        ("go env -w GOFLAGS=-mod=mod", "mod-mod"),
        ("go env -w GOPRIVATE=x 'GOFLAGS=-v -mod=mod'", "mod-mod"),
        ("go env -w GOSUMDB=off", "sumdb-off"),
        ("go env -w GO111MODULE=off", "gopath-mode"),
        ("go env -w GOINSECURE=*", "insecure"),
        ("export GOFLAGS=-insecure", "insecure"),
        ("GOFLAGS=-insecure go get x.org/y@v1.0.0", "insecure"),
    ] {
        let found = super::found(&[GO_MOD, ("x.sh", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(&format!("TG004 {wanted}")), "{text}: {found:?}");
    }
    let two = super::found(&[GO_MOD, ("x.sh", "go env -w GOFLAGS=-mod=mod GONOSUMDB=*")]);
    assert_eq!(two.len(), 2, "{two:?}");
    for text in [
        "go env GOFLAGS",
        "go env -u GOFLAGS",
        "go env -w GOFLAGS=-mod=readonly",
        "go env -w GOPROXY=https://proxy.golang.org",
    ] {
        assert_eq!(super::found(&[GO_MOD, ("x.sh", text)]), [""; 0], "{text}");
    }
}
