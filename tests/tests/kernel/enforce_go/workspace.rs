//! The working folder of the tests, in which each way has its own folder.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{Session, go};

use super::ways::{LINKER, Sign, Way};
use crate::enforcement::decided;

/// A Go program that leaves a file when it runs. A shell that reads it runs it with go.
const PROGRAM: &str = r#"//usr/bin/env go run "$0" "$@"; exit $?
package main

import (
	"os"
	IMPORT
)

//go:generate env HOME=$OWN/home GOCACHE=$OWN/cache GOTMPDIR=$OWN/tmp go run $GOFILE

func main() {
	if err := os.WriteFile("ran", nil, 0o644); err != nil {
		panic(err)
	}
}
"#;

const TEST: &str = "package main\n\nimport \"testing\"\n\nfunc TestRun(t *testing.T) { main() }\n";

/// A Go program that starts its arguments by os/exec; a leading `-as NAME` sets another `argv[0]`.
const COMMAND: &str = r#"package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	args := os.Args[1:]
	name := args[0]
	if name == "-as" {
		name, args = args[1], args[2:]
	}
	command := exec.Command(args[0], args[1:]...)
	command.Args[0] = name
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
"#;

/// The state in which a way's program is prepared.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum ProgramState {
    /// A package is missing, so go ends soon, and its cache is empty, so go leaves files there.
    Broken,
    /// The program can be built, and the cache is empty.
    Cold,
    /// The program can be built, and the cache holds all its parts.
    Warm,
}

/// Writes a program.
pub(super) fn program(path: &Path, program: ProgramState) {
    let import = if program == ProgramState::Broken { "_ \"not/there\"" } else { "" };
    fs::write(path, PROGRAM.replace("IMPORT", import)).unwrap();
}

/// A toolchain, helpers built by it, and the folders of the ways.
pub(super) struct Workspace {
    folder: TempDir,
    pub(super) root: PathBuf,
}

/// The outcome of a way.
pub(super) struct WayOutcome {
    /// Exit status of its shell.
    pub(super) status: String,
    /// Output of the way.
    pub(super) said: String,
    /// Whether go ran.
    pub(super) started: bool,
    /// Whether the program ran.
    pub(super) ran: bool,
    /// Decisions about the way.
    pub(super) decisions: Vec<Value>,
}

impl WayOutcome {
    /// Whether the executable was read too late, or the kill after the start came when the program had run.
    pub(super) fn is_late(&self) -> bool {
        self.decisions.iter().all(|about| self.ran && about["when"] == "after-start")
    }
}

/// Returns whether a dynamically linked go is tested: only for the newest version, since building it takes
/// half a minute.
pub(super) fn has_linked(version: &str) -> bool {
    version == go::GO_1_27
}

impl Workspace {
    pub(super) fn new(version: &str) -> Self {
        let root = go::toolchain(version).unwrap();
        let place = Self { folder: tempfile::tempdir().unwrap(), root };
        go::fill_cache(version, place.top()).unwrap();
        fs::write(place.top().join("command.go"), COMMAND).unwrap();
        let built =
            go::command(&place.root, place.top()).args(["build", "-o", "command", "command.go"]).status();
        assert!(built.unwrap().success());
        if has_linked(version) {
            symlink(go::dynamic_go(version).unwrap(), place.top().join("pie")).unwrap();
        }
        for helper in [env!("CARGO_BIN_EXE_unnamed"), env!("CARGO_BIN_EXE_racer")] {
            let name = Path::new(helper).file_name().unwrap();
            symlink(helper, place.top().join(name)).unwrap();
        }
        place
    }

    pub(super) fn top(&self) -> &Path {
        self.folder.path()
    }

    fn of(&self, group: &str, way: &Way) -> PathBuf {
        self.top().join(group).join(way.mark)
    }

    /// Creates the folder of a way.
    fn prepare(&self, group: &str, way: &Way, program: ProgramState) {
        let folder = self.of(group, way);
        for name in ["home", "cache", "tmp"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("go.mod", "module example.com/project\n\ngo 1.21\n");
        self::program(&folder.join(format!("{}.go", way.mark)), program);
        write(&format!("{}_test.go", way.mark), TEST);
        write("Makefile", &format!("ci:\n\tgo run {}.go\n", way.mark));
    }

    /// Returns a shell script that runs all ways in sequence.
    fn script(&self, group: &str, ways: &[(&Way, ProgramState)]) -> String {
        let mut script = String::new();
        for (way, program) in ways {
            self.prepare(group, way, *program);
            let cache = if *program == ProgramState::Warm { "$WARM" } else { "$OWN/cache" };
            let (folder, way) = (self.of(group, way).display().to_string(), way.script);
            let own = format!("OWN={folder} HOME={folder}/home GOTMPDIR={folder}/tmp");
            writeln!(
                script,
                "(cd {folder} && export {own} && export GOCACHE={cache} && ( {way} )) > {folder}/said 2>&1; \
                 echo $? > {folder}/status"
            )
            .unwrap();
        }
        script
    }

    /// Sets the variables of the scripts, in a job of a CI system.
    pub(super) fn environment(&self, command: &mut Command) {
        command.envs(go::environment(&self.root, self.top())).env("GOROOT", &self.root);
        command.env("GO", self.root.join("bin/go")).env("LINKER", LINKER).env("TOP", self.top());
        command.env("WARM", go::cache(self.top()));
        command.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_RUN_ID", "77");
    }

    /// Runs all ways under a mode, in one `tracego run`.
    pub(super) fn run(&self, group: &str, options: &[&str], ways: &[(&Way, ProgramState)]) -> Session {
        let script = self.script(group, ways);
        Session::run(options, &["sh", "-c", &script], |tracego| {
            tracego.current_dir(self.top());
            self.environment(tracego);
        })
    }

    pub(super) fn outcome(&self, group: &str, way: &Way, records: &[Value]) -> WayOutcome {
        let folder = self.of(group, way);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default().trim().to_owned();
        let said = read("said");
        let started = match way.sign {
            Sign::Says(words) => said.contains(words),
            Sign::Cache => {
                let made = ["home", "cache", "tmp"].map(|name| folder.join(name));
                made.iter().any(|made| fs::read_dir(made).unwrap().next().is_some())
            }
        };
        let about = decided(records).filter(|record| mark(record, records) == Some(way.mark));
        let decisions = about.map(|record| record["tracego"]["enforcement"].clone()).collect();
        WayOutcome { status: read("status"), said, started, ran: folder.join("ran").exists(), decisions }
    }
}

/// Returns the way that a decision is about: one of the arguments is a file or folder named after it. A
/// decision after the start has its arguments in the start record.
pub(super) fn mark(decision: &Value, records: &[Value]) -> Option<&'static str> {
    let id = &decision["tracego"]["exec_id"];
    let start = records.iter().find(|record| {
        record["event_name"] == "tracego.process.start" && record["tracego"]["exec_id"] == *id
    });
    let own = decision["tracego"]["enforcement"]["args"].as_array();
    let args = own.or_else(|| start?["process"]["command_args"].as_array())?;
    let stems = args.iter().filter_map(|arg| Path::new(arg.as_str()?).file_stem()?.to_str());
    let mut known = stems.filter_map(|stem| super::all().find(|way| way.mark == stem));
    known.next().map(|way| way.mark)
}
