//! The steps of a pipeline, as a runner runs them: a project with a hidden `go run`, before and after the fix.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;
use tracego_tests::{remove_job, tracego};

use crate::{
    ConditionalTest, Test,
    findings::{Project, needs},
};

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("the recipe of a pipeline finds a hidden go run, and is green after the fix", recipe as Test, needs)];

const JOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/ci/tracego-job");
const WORKFLOW: &str =
    "on: push\njobs:\n  build:\n    runs-on: self-hosted\n    steps:\n    - run: make ci\n";
const HIDDEN: &str = "#!/bin/sh\nset -e\ngo vet ./...\ngo run ./cmd/server\n";
const FIXED: &str = "#!/bin/sh\nset -e\ngo vet ./...\ngo build -o app ./cmd/server\n./app\n";

/// Adds the environment of a job of GitHub to a command.
fn job(project: &Project, command: &mut Command) {
    project.edit(command);
    remove_job(command);
    let path = format!("{}:{}", tracego().parent().unwrap().display(), path_of(command));
    command.env("PATH", path).env_remove("GITHUB_STEP_SUMMARY").env("GITHUB_WORKSPACE", project.path(""));
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_JOB", "build"),
        ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
        ("GITHUB_REPOSITORY", "example/project"),
        ("GITHUB_SERVER_URL", "https://github.com"),
    ] {
        command.env(name, value);
    }
}

/// Returns the PATH that a command was given.
fn path_of(command: &Command) -> String {
    let given = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
    given.map_or_else(|| std::env::var("PATH").unwrap(), |path| path.to_str().unwrap().to_owned())
}

fn run(project: &Project, options: &[&str]) -> Output {
    let mut command = Command::new(JOB);
    command.args(options).args(["--", "make", "ci"]);
    job(project, &mut command);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn recipe() {
    let project = Project::new("");
    project.write(".github/workflows/ci.yml", WORKFLOW);
    fs::write(project.path("scripts/ci.sh"), HIDDEN).unwrap();
    let reports = project.path("tracego-reports");
    let read = |name: &str| fs::read_to_string(reports.join(name)).unwrap();

    let output = run(&project, &[]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let annotations = text(&output.stdout);
    assert!(annotations.contains("::error file=scripts/ci.sh,line=4,"), "{annotations}");
    let summary = read("summary.md");
    assert!(summary.contains("tracego: findings: 2 high"), "{summary}");
    assert!(
        summary.contains("at `scripts/ci.sh:4`, called by `Makefile:2`, `.github/workflows/ci.yml:6`"),
        "{summary}"
    );
    let sarif: Value = serde_json::from_str(&read("run.sarif")).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(result["ruleId"], "TG001");
    assert_eq!(place["artifactLocation"]["uri"], "scripts/ci.sh");
    assert_eq!(place["region"]["startLine"], 4);
    let page = read("timeline.html");
    assert!(page.contains("Content-Security-Policy") && page.contains("go run ./cmd/server"));
    assert!(read("run.xml").contains("<failure"));

    fs::write(project.path("scripts/ci.sh"), FIXED).unwrap();
    for known in 0..2 {
        let output = run(&project, &["--baseline", "baseline", "--update-baseline"]);
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        let summary = read("summary.md");
        assert!(summary.contains("tracego: no findings"), "{summary}");
        if known == 1 {
            assert!(summary.contains("| Baseline | 0 new processes since 1 runs"), "{summary}");
        }
    }
    // What somebody plants is the only new thing.
    fs::write(project.path("scripts/ci.sh"), format!("{FIXED}expr 1 + 1\n")).unwrap();
    let output = run(&project, &["--baseline", "baseline"]);
    assert_eq!(output.status.code(), Some(0), "a baseline never fails a job: {}", text(&output.stderr));
    let summary = read("summary.md");
    assert!(summary.contains("| Baseline | 1 new processes since 2 runs"), "{summary}");
    assert!(summary.contains("- `expr 1 + 1`, by"), "{summary}");
}
