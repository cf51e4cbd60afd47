//! Disguised builds: what the user who started them sees, and what the records report.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{Session, go};

use crate::enforcement::decisions;

pub(super) fn needs() -> Option<String> {
    go::toolchain(go::GO_1_27).err()
}

/// Creates a module with a program that leaves a file, and a Makefile with a disguised build.
fn project(script: &str) -> (TempDir, PathBuf, PathBuf) {
    let root = go::toolchain(go::GO_1_27).unwrap();
    let folder = tempfile::tempdir().unwrap();
    go::fill_cache(go::GO_1_27, folder.path()).unwrap();
    let project = folder.path().join("project");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("go.mod"), "module example.com/project\n\ngo 1.27\n").unwrap();
    let program = "package main\n\nimport \"os\"\n\nfunc main() {\n\
        \tif err := os.WriteFile(\"ran\", nil, 0o644); err != nil {\n\t\tpanic(err)\n\t}\n}\n";
    fs::write(project.join("main.go"), program).unwrap();
    fs::write(project.join("Makefile"), format!("ci:\n\t{script}\n")).unwrap();
    (folder, project, root)
}

fn build(script: &str, mode: &str) -> (Session, bool) {
    let (folder, project, root) = project(script);
    let session = Session::run(&["--enforce", mode], &["make", "ci"], |tracego| {
        tracego.current_dir(&project).envs(go::environment(&root, folder.path()));
    });
    let ran = project.join("ran").exists();
    (session, ran)
}

pub(super) fn needs_command() -> Option<String> {
    if !Path::new("/usr/bin/make").exists() {
        return Some("needs /usr/bin/make".to_owned());
    }
    go::newest_command().err()
}

/// Checks the go command itself. It never runs, so no other part of Go is needed.
pub(super) fn refused() {
    let go = go::newest_command().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Makefile"), "ci:\n\tgo run .\n").unwrap();
    let path = format!("{}:/usr/bin:/bin", go.parent().unwrap().display());
    for asked in ["kill", "deny"] {
        let session = Session::run(&["--enforce", asked], &["make", "ci"], |tracego| {
            tracego.current_dir(folder.path()).env("PATH", &path);
        });
        let told = session.stderr();
        // The exit code of make.
        assert_eq!(session.output.status.code(), Some(2), "{told}");
        let about = &session.records.last().unwrap()["tracego"]["enforcement"];
        let mode = about["mode"].as_str().unwrap();
        assert_eq!(about["state"], "enforced", "{told}");
        assert!(mode == asked || mode == "kill", "{mode}");
        // make's child gets EPERM; a killed process prints nothing.
        let denied = told.contains("make: go: Operation not permitted");
        assert_eq!(denied, mode == "deny", "{told}");
        let all = decisions(&session.records);
        let decided: Vec<_> = all.iter().map(|about| (&about["action"], &about["when"])).collect();
        assert_eq!(decided, [(&mode.into(), &"before-start".into())], "{told}");
        assert!(told.contains("go-run") && told.contains("go run ."), "{told}");
    }
}

pub(super) fn hidden() {
    for script in
        ["go run main.go", "sh -c 'cd / && go -C $(CURDIR) run .'", "env -i PATH=$$PATH HOME=$$HOME go run ."]
    {
        let (session, ran) = build(script, "kill");
        assert!(!ran, "{script}: {}", session.stderr());
        assert_ne!(session.output.status.code(), Some(0), "{script}");
        let told = session.stderr();
        assert!(told.contains("was killed by the rule go-run"), "{script}: {told}");
        assert!(told.contains("go build -o"), "{script}: {told}");
    }
    let (session, ran) = build("go run main.go", "audit");
    assert!(ran && session.output.status.success(), "{}", session.stderr());
    let (session, _) = build("go build -o bin/program . && ./bin/program", "kill");
    assert!(session.output.status.success(), "{}", session.stderr());
    assert_eq!(decisions(&session.records).len(), 0);
}

pub(super) fn renamed() {
    // The same file, started in the same way: the first start is killed after it was judged, later ones
    // before they run.
    let script = "cp -r $$(go env GOROOT) goroot; mv goroot/bin/go goroot/bin/tool; for n in 1 2 3; do \
        GOROOT=$$PWD/goroot goroot/bin/tool run main.go; done; true";
    let (session, ran) = build(script, "kill");
    let all = decisions(&session.records);
    let told: Vec<_> = all
        .iter()
        .map(|about| (about["rule"].as_str(), about["when"].as_str(), about["action"].as_str()))
        .collect();
    assert!(
        told.contains(&(Some("TG001"), Some("after-start"), Some("kill"))),
        "{told:?} {}",
        session.stderr()
    );
    assert!(
        told.contains(&(Some("TG001"), Some("before-start"), Some("kill"))),
        "{told:?} {}",
        session.stderr()
    );
    assert!(!ran, "it ran: {}", session.stderr());
    assert_eq!(session.output.status.code(), Some(5), "{}", session.stderr());
}

/// Checks a start behind thirty whose arguments take long to be redacted: the decision about it does not wait for
/// their records.
pub(super) fn behind_large() {
    let script = "a=$$(yes 'a://b:c@' | tr -d '\\n' | head -c 120000); for n in $$(seq 30); do \
        /bin/true $$a $$a; done; GOROOT=$$PWD/goroot goroot/bin/tool run main.go; true";
    let (folder, project, root) = project(script);
    let status = Command::new("cp").arg("-r").arg(&root).arg(project.join("goroot")).status().unwrap();
    assert!(status.success());
    let environment = go::environment(&root, folder.path());
    // The second run takes everything from the cache, so that the program would run soon.
    let mut run = Command::new(project.join("goroot/bin/go"));
    run.args(["run", "main.go"]).current_dir(&project).envs(environment.clone());
    assert!(run.env("GOROOT", project.join("goroot")).status().unwrap().success());
    fs::remove_file(project.join("ran")).unwrap();
    fs::rename(project.join("goroot/bin/go"), project.join("goroot/bin/tool")).unwrap();
    let session = Session::run(&["--enforce", "kill"], &["make", "ci"], |tracego| {
        tracego.current_dir(&project).envs(environment);
    });
    assert!(!project.join("ran").exists(), "it ran: {}", session.stderr());
    let large: Vec<&Value> = session
        .records
        .iter()
        .filter(|record| {
            record["process"]["executable"]["path"].as_str().is_some_and(|path| path.ends_with("/true"))
        })
        .filter(|record| record["event_name"] == "tracego.process.start")
        .collect();
    assert_eq!(large.len(), 30, "{}", session.stderr());
    for record in large {
        let args = record["process"]["command_args"].as_array().unwrap();
        assert_eq!(args.len(), 3);
        assert!(!record.to_string().contains("b:c@"));
    }
    let seqs: Vec<u64> = session.records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
}
