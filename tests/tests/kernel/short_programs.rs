//! Programs that end at once, and a tracego that watches them from a root folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{ChildGuard, wait_until, written_records};

/// Number of programs.
const PROGRAMS: usize = 20;

/// Programs in folders of their own, with one name by which records of others are left out.
pub(crate) struct ShortPrograms {
    folder: TempDir,
    name: String,
}

impl ShortPrograms {
    pub(crate) fn new(prefix: &str) -> Self {
        let programs =
            Self { folder: tempfile::tempdir().unwrap(), name: format!("{prefix}{}", std::process::id()) };
        for n in 0..=PROGRAMS {
            fs::create_dir(programs.program(n).parent().unwrap()).unwrap();
            fs::copy("/bin/true", programs.program(n)).unwrap();
        }
        programs
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the options of a tracego that watches these programs alone.
    pub(crate) fn options(&self) -> [&str; 4] {
        ["--heartbeat=0", "--output=json", "--comm", &self.name]
    }

    fn program(&self, n: usize) -> PathBuf {
        self.folder().join(n.to_string()).join(&self.name)
    }

    fn starts(&self) -> Vec<Value> {
        let all = written_records(&self.folder().join("records")).into_iter();
        all.filter(|record| record["event_name"] == "tracego.process.start").collect()
    }

    /// Returns what tracego wrote to its standard error.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.folder().join("errors")).unwrap()
    }

    /// Starts tracego and, when it watches, the programs. Each has a parent that is gone.
    pub(crate) fn run(&self, tracego: &mut Command) -> ChildGuard {
        let file = |name: &str| fs::File::create(self.folder().join(name)).unwrap();
        let child = tracego.stdout(file("records")).stderr(file("errors")).spawn().unwrap();
        let mut running = ChildGuard(child);
        wait_until("tracego watches", || {
            assert!(running.0.try_wait().unwrap().is_none(), "{}", self.errors());
            assert!(Command::new(self.program(PROGRAMS)).status().unwrap().success());
            !self.starts().is_empty()
        });
        let all: Vec<_> = (0..PROGRAMS).map(|n| format!("({} &)", self.program(n).display())).collect();
        assert!(Command::new("/bin/sh").args(["-c", &all.join("; ")]).status().unwrap().success());
        running
    }

    /// Returns the record of each program, of which the executable was read and the user is known.
    pub(crate) fn records(&self) -> Vec<Value> {
        let record = |n| {
            let path = self.program(n).display().to_string();
            let of = || self.starts().into_iter().find(|one| one["process"]["executable"]["path"] == path);
            wait_until("the record of a program", || of().is_some());
            let found = of().unwrap();
            assert!(found["tracego"]["executable"]["unread"].is_null(), "{found:#}");
            assert_eq!(found["process"]["user"]["name"], "root", "{found:#}");
            found
        };
        (0..PROGRAMS).map(record).collect()
    }
}
