//! tracego beside the containers.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tracego_tests::{ChildGuard, args, remove_job, wait_until, with_full_records, written_records};

/// tracego for the whole machine, which records the programs with one name.
pub(crate) struct Watch {
    folder: tempfile::TempDir,
    running: ChildGuard,
    /// The program whose records are written.
    pub(crate) program: PathBuf,
}

impl Watch {
    /// Starts tracego. Its records are those of copies of `program`.
    pub(crate) fn new(program: &str, options: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        // Other tests of this kind run beside this one.
        let name = format!("tg{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let copy = folder.path().join(&name);
        fs::copy(program, &copy).unwrap();
        let mut command = with_full_records();
        if !options.contains(&"--heartbeat") {
            command.args(["--heartbeat", "0"]);
        }
        command.args(["--comm", &name, "--output", "json", "--output-file"]);
        command.arg(folder.path().join("records")).args(options).stdout(Stdio::null());
        remove_job(&mut command);
        let errors = fs::File::create(folder.path().join("errors")).unwrap();
        let running = ChildGuard(command.stderr(errors).spawn().unwrap());
        let errors = folder.path().join("errors");
        let mut watch = Self { folder, running, program: copy };
        // The first record shows that it watches.
        wait_until("tracego watches", || {
            let ended = watch.running.0.try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(&errors).unwrap());
            let program = Command::new(&watch.program).current_dir(watch.folder.path()).status();
            assert!(program.unwrap().success());
            !watch.records().is_empty()
        });
        watch
    }

    /// Returns the path of the program in containers.
    pub(crate) fn inside(&self) -> String {
        format!("/bin/{}", self.program.file_name().unwrap().to_str().unwrap())
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        written_records(&self.folder.path().join("records"))
    }

    /// Returns the record of the start with this argument.
    pub(crate) fn start(&self, argument: &str) -> Value {
        let mut found = None;
        wait_until(&format!("the record of {argument}"), || {
            let all = self.records().into_iter();
            let mut starts = all.filter(|record| record["event_name"] == "tracego.process.start");
            found = starts.find(|record| args(record).get(1) == Some(&argument));
            found.is_some()
        });
        found.unwrap()
    }
}
