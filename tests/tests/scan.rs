//! `tracego scan` on real trees and with its exit codes, and what is delivered for pipelines.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{go, python, tracego, trial};

fn main() {
    let mut trials = vec![
        Trial::test("exit codes say what a scan saw", done(exit_codes)),
        Trial::test("every form has every finding", done(forms)),
        Trial::test("settings of the repository are checked", done(settings)),
        trial("what is staged is scanned, and nothing else", needs("git"), staged),
        trial("the action of GitHub has no finding of zizmor", python::environment("scan").err(), action),
        Trial::test("what is delivered for pipelines has no finding", done(delivered)),
    ];
    for (version, _) in go::TOOLCHAINS {
        let name = format!("the source of Go {version} has no finding above low but those that were read");
        trials.push(trial(&name, go::toolchain(version).err(), move || toolchain(version)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn done(test: fn()) -> impl FnOnce() -> Result<(), libtest_mimic::Failed> + Send + 'static {
    move || {
        test();
        Ok(())
    }
}

fn needs(program: &str) -> Option<String> {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    (!found).then(|| format!("needs {program}"))
}

/// Writes files into a new folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn scan(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(tracego()).arg("scan").args(arguments).current_dir(folder).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const MIXED: [(&str, &str); 4] = [
    ("go.mod", "module example.com/shop\n"),
    ("Dockerfile", "FROM alpine\nCMD [\"go\", \"run\", \".\"]\n"),
    ("a.sh", "go run ./x # \u{1b}[31m\ngo run ./y # tracego:allow TG001 a tool of ours\n"),
    ("x_test.go", "package x\n\nfunc f() { exec.Command(\"go\", \"run\", \"<&>\\\"\") }\n"),
];

fn exit_codes() {
    let mixed = folder(&MIXED);
    for (arguments, wanted) in [
        (&["--fail-on", "critical"][..], 0),
        (&[], 5),
        (&["--fail-on", "never"], 0),
        (&["x_test.go"], 0),
        (&["x_test.go", "--fail-on", "low"], 5),
        (&["absent"], 2),
        (&["--fail-on", "severe"], 2),
        (&["--format", "xml"], 2),
        (&["--also", "json"], 2),
        (&["--baseline", "absent"], 2),
        (&["--update-baseline"], 2),
        (&["--exclude", "a{", "."], 2),
        (&["--also", "json=absent/x"], 1),
    ] {
        let output = scan(mixed.path(), arguments);
        assert_eq!(code(&output), wanted, "{arguments:?}: {}", text(&output.stderr));
    }
    let damaged = folder(&[(".gitlab-ci.yml", "x:\n  script: [\n")]);
    let output = scan(damaged.path(), &[]);
    assert_eq!(code(&output), 1, "what has not been read is not green");
    assert!(text(&output.stderr).contains(".gitlab-ci.yml: "), "{}", text(&output.stderr));
}

fn forms() {
    let mixed = folder(&MIXED);
    let output = scan(
        mixed.path(),
        &[
            "--format",
            "json",
            "--also",
            "gitlab=q.json",
            "--also",
            "junit=j.xml",
            "--also",
            "rdjsonl=r.jsonl",
            "--also",
            "github=g",
            "--also",
            "text=t",
        ],
    );
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "tracego.scan/1");
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 4);
    let counted = findings.iter().filter(|finding| finding.get("suppressed").is_none()).count();
    assert_eq!(counted, 3);
    let read = |name: &str| fs::read_to_string(mixed.path().join(name)).unwrap();

    let quality: Vec<Value> = serde_json::from_str(&read("q.json")).unwrap();
    let fingerprints: BTreeSet<&str> =
        quality.iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    assert_eq!((quality.len(), fingerprints.len()), (3, 3));
    assert_eq!(quality[0]["severity"], "critical");
    assert_eq!(quality[0]["location"]["path"], "Dockerfile");

    let lines: Vec<Value> = read("r.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["location"]["range"]["start"]["line"], 2);

    let junit = read("j.xml");
    assert_eq!(junit.matches("<testcase ").count(), 4);
    assert_eq!((junit.matches("<failure ").count(), junit.matches("<skipped ").count()), (3, 1));
    assert!(junit.contains("&lt;&amp;&gt;&quot;"), "{junit}");

    let annotations = read("g");
    assert_eq!(annotations.lines().filter(|line| line.starts_with("::")).count(), 3, "{annotations}");
    let shown = read("t");
    assert!(!shown.contains('\u{1b}'), "no control character of a file reaches a terminal: {shown}");
}

fn settings() {
    let with = |settings: &str| {
        let folder =
            folder(&[("a.sh", "go run ./x\n"), ("tree/b.sh", "go run ./y\n"), (".tracego.toml", settings)]);
        let output = scan(folder.path(), &["--format", "json", "--fail-on", "never"]);
        (code(&output), text(&output.stdout), text(&output.stderr))
    };
    let exception = |line: &str| {
        format!(
            "[[scan.exceptions]]\npath = \"tree/**\"\nrule = \"go-run\"\nowner = \"x\"\nreason = \"y\"\n{line}\n"
        )
    };
    let (status, _, summary) = with(&exception(""));
    assert_eq!((status, summary.contains("1 suppressed")), (0, true), "{summary}");
    let (_, json, summary) = with(&exception("expires = \"2001-01-01\""));
    assert!(!summary.contains("suppressed") && json.contains("ended on 2001-01-01"), "{summary}");
    let (_, json, _) = with(&exception("").replace("tree", "forest"));
    assert!(json.contains("matches nothing; remove it"), "{json}");
    let (_, _, summary) = with("[scan]\nexclude = [\"tree/**\"]\n");
    assert!(summary.contains("1 medium in 1 files"), "{summary}");
    for (wrong, part) in [
        ("[scan]\nexlude = []\n", "exlude"),
        (&exception("variant = \"x\"")[..], "has no variant \"x\"; valid: file, local"),
        (&exception("").replace("go-run", "TG0001")[..], "did you mean"),
        (&exception("").replace("owner = \"x\"", "owner = \"\"")[..], "owner must not be empty"),
        (&exception("").replace("tree/**", "tree/{")[..], "tree/{"),
    ] {
        let (status, _, error) = with(wrong);
        assert_eq!(status, 2, "{error}");
        assert!(error.contains(part) && error.contains(".tracego.toml"), "{error}");
    }
}

fn staged() {
    let folder = folder(&[("a.sh", "go run ./x\n"), ("b.sh", "go run ./y\n"), ("deep/c.sh", "go run ./z\n")]);
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "b.sh"]);
    git(&["commit", "-q", "-m", "b"]);
    git(&["add", "a.sh", "deep"]);
    // What is staged counts, not what the file has become since.
    fs::write(folder.path().join("a.sh"), "go build ./x\n").unwrap();
    let paths = |at: &Path| -> Vec<String> {
        let output = scan(at, &["--staged", "--format", "json", "--fail-on", "never"]);
        let json: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        json["findings"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(folder.path()), ["a.sh", "deep/c.sh"]);
    // The folder below the repository does not matter.
    assert_eq!(paths(&folder.path().join("deep")), ["a.sh", "deep/c.sh"]);
    let nowhere = tempfile::tempdir().unwrap();
    let output = scan(nowhere.path(), &["--staged"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("--staged: git"), "{}", text(&output.stderr));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn action() {
    let python = python::environment("scan").unwrap();
    let zizmor = python.with_file_name("zizmor");
    let output = Command::new(zizmor)
        .args(["--offline", "--no-config", "--persona", "auditor", "--format", "plain"])
        .arg(root().join("deploy/github/action.yml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

fn delivered() {
    let output = scan(&root(), &["deploy", ".ci", "docs", "--fail-on", "low", "--docs"]);
    // The documents show what must not be done.
    let shown = text(&output.stdout);
    assert!(
        shown.lines().filter(|line| line.contains(" TG0")).all(|line| line.starts_with("docs/")),
        "{shown}"
    );
    assert!(text(&output.stderr).contains(" files"), "{}", text(&output.stderr));
}

/// Findings above low in the source of Go that a person has read: programs that are run as they are written, in scripts and
/// generators of the Go project itself.
const READ: [&str; 5] = [
    "lib/fips140/Makefile: go run ../../src/cmd/go/internal/fips140/mkzip.go v${AUTOMATIC}",
    "src/simd/archsimd/_gen/simdgen/etetest.sh: go run . -o godefs",
    "src/simd/archsimd/_gen/simdgen/etetest.sh: go run -C $(go env GOROOT)/src/cmd/compile/internal/ssa/_gen .",
    "src/simd/archsimd/_gen/simdgen/etetest.sh: go run -C simd/archsimd/testdata .",
    "src/internal/types/errors/codes.go: go run golang.org/x/tools/cmd/stringer@latest",
];

fn toolchain(version: &str) {
    let root = go::toolchain(version).unwrap();
    let output = scan(&root, &["--format", "json", "--fail-on", "never"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["files"].as_u64().unwrap() > 3000, "{}", json["files"]);
    let above: Vec<String> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] != "low")
        .map(|finding| {
            format!("{}: {}", finding["path"].as_str().unwrap(), finding["subject"].as_str().unwrap())
        })
        .collect();
    let unread: Vec<&String> =
        above.iter().filter(|one| !READ.iter().any(|read| one.starts_with(read))).collect();
    assert!(unread.is_empty(), "{unread:#?}");
}
