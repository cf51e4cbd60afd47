//! Executables on a file system that does not answer tracego, and executables that cannot be read.

use std::{
    ffi::CString,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tracego_tests::{Session, go};

use crate::{ConditionalTest, Test, metrics::on_unix};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a file system that hangs holds up neither records nor the end", hangs as Test),
    ("health says that files are not read", health),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("what is read late corrects the record of its start", late as Test, needs_go),
    ("a program that its user alone may read is read", private, needs_go),
    ("a go run that cannot be read is found, and stopped on request", unread_run, needs_go),
];

fn needs_go() -> Option<String> {
    go::toolchain(go::GO_1_27).err()
}

/// A mounted file system with one program.
struct HangingFiles {
    server: Child,
    folder: tempfile::TempDir,
}

impl HangingFiles {
    fn mount(program: &Path, mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("mnt");
        fs::create_dir(&at).unwrap();
        let server = Command::new(env!("CARGO_BIN_EXE_hangfs"))
            .args([program, &at])
            .arg(mode)
            .arg(folder.path().join("release"))
            .spawn()
            .unwrap();
        let mounted = Self { server, folder };
        for _ in 0..200 {
            // A file system of another user is there, and hidden.
            if fs::metadata(mounted.program()).is_ok() || mode == "private" && is_mounted(&at) {
                return mounted;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("the file system was not mounted");
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("mnt/prog")
    }

    fn release(&self) -> PathBuf {
        self.folder.path().join("release")
    }
}

impl Drop for HangingFiles {
    fn drop(&mut self) {
        // Requests that nobody answers end with the server.
        let _killed = self.server.kill();
        let _reaped = self.server.wait();
        let at = CString::new(self.folder.path().join("mnt").as_os_str().as_bytes()).unwrap();
        // SAFETY: a text that ends with a zero byte.
        unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) };
    }
}

fn is_mounted(at: &Path) -> bool {
    fs::read_to_string("/proc/self/mounts").unwrap().contains(&format!(" {} fuse ", at.display()))
}

fn unread(record: &Value) -> Option<&str> {
    record["tracego"]["executable"]["unread"].as_str()
}

fn hangs() {
    for mode in ["getattr", "open", "read"] {
        let files = HangingFiles::mount(Path::new("/bin/true"), mode);
        let program = files.program();
        let program = program.to_str().unwrap();
        let script = format!("for n in 1 2 3; do {program} $n; done; /bin/true last");
        let start = Instant::now();
        let session = Session::run(&[], &["sh", "-c", &script], |_| {});
        let took = start.elapsed();
        assert_eq!(session.output.status.code(), Some(0), "{mode}: {}", session.stderr());
        assert!(took < Duration::from_secs(10), "{mode}: {took:?}");
        let starts: Vec<_> =
            session.of("start").filter(|start| start["process"]["executable"]["name"] == "prog").collect();
        assert_eq!(starts.len(), 3, "{mode}: {starts:#?}");
        for start in starts {
            assert_eq!(unread(start), Some("timeout"), "{mode}: {start:#}");
        }
        let last = session.last();
        assert_eq!(last["process"]["command_args"][1], "last", "{mode}");
        assert_eq!(unread(last), None, "{mode}: {last:#}");
        let alone = HangingFiles::mount(Path::new("/bin/true"), "plain");
        let session = Session::run(&[], &[alone.program()], |_| {});
        assert_eq!(unread(session.last()), None, "{:#}", session.last());
    }
}

fn health() {
    let files = HangingFiles::mount(Path::new("/bin/true"), "read");
    let socket = files.folder.path().join("socket");
    let listen = format!("unix:{}", socket.display());
    let script = format!("{}; sleep 4", files.program().display());
    let asked = socket.clone();
    let answer = std::thread::spawn(move || {
        for _ in 0..60 {
            sleep(Duration::from_millis(50));
            if let Some(answer) = on_unix(&asked, "/readyz")
                && answer.body.contains("wait for a file system that does not answer")
            {
                return (answer.status, on_unix(&asked, "/metrics").unwrap().body);
            }
        }
        panic!("the health did not change");
    });
    let session = Session::run(&["--listen", &listen], &["sh", "-c", &script], |_| {});
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    let (status, metrics) = answer.join().unwrap();
    assert_eq!(status, 503);
    assert!(metrics.contains("tracego_file_readers_hanging 1"), "{metrics}");
    assert!(metrics.contains("tracego_images_failures_total{reason=\"timeout\"} 1"), "{metrics}");
}

fn late() {
    let root = go::toolchain(go::GO_1_27).unwrap();
    let files = HangingFiles::mount(&root.join("bin/go"), "read");
    let script = format!(
        "{} version; sleep 0.3; touch {}; sleep 3",
        files.program().display(),
        files.release().display()
    );
    let session = Session::run(&[], &["sh", "-c", &script], |tracego| {
        tracego.env("GOROOT", &root);
    });
    let start = session.start(&files.program());
    assert_eq!(unread(start), Some("timeout"), "{start:#}");
    assert!(start["tracego"]["go"].is_null(), "{start:#}");
    let found: Vec<_> =
        session.records.iter().filter(|record| record["event_name"] == "tracego.finding").collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["tracego"]["exec_id"], start["tracego"]["exec_id"]);
    assert_eq!(found[0]["tracego"]["go"]["role"], "go-command", "{:#}", found[0]);
    assert_eq!(found[0]["process"]["runtime"]["name"], "go");
    assert_ne!(found[0]["log"], start["log"]);
}

fn private() {
    let root = go::toolchain(go::GO_1_27).unwrap();
    let files = HangingFiles::mount(&root.join("bin/go"), "private");
    fs::set_permissions(files.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = files.program();
    let user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let command: Vec<_> = user.into_iter().chain([program.to_str().unwrap(), "version"]).collect();
    let session = Session::run(&[], &command, |tracego| {
        tracego.env("GOROOT", &root);
    });
    let start = session.last();
    assert_eq!(start["process"]["executable"]["name"], "prog", "{start:#}");
    assert_eq!(unread(start), None, "{start:#}");
    assert_eq!(start["tracego"]["go"]["role"], "go-command", "{start:#}");
}

fn unread_run() {
    let root = go::toolchain(go::GO_1_27).unwrap();
    let files = HangingFiles::mount(&root.join("bin/go"), "read");
    let home = tempfile::tempdir().unwrap();
    go::fill_cache(go::GO_1_27, home.path()).unwrap();
    let configuration = home.path().join("tracego.toml");
    fs::write(home.path().join("main.go"), "package main\n\nfunc main() { println(\"ran\") }\n").unwrap();
    let run = |text: &str, cache: &str| {
        fs::write(&configuration, text).unwrap();
        let options = ["--profile", "ci", "--enforce", "kill", "--config", configuration.to_str().unwrap()];
        // Through a shell: until it executes the program, the command of `run` is still tracego.
        let script = format!("{} run main.go; exit $?", files.program().display());
        Session::run(&options, &["sh", "-c", &script], |tracego| {
            tracego.current_dir(home.path()).envs(go::environment(&root, home.path())).env("GOROOT", &root);
            if !cache.is_empty() {
                tracego.env("GOCACHE", home.path().join(cache));
            }
        })
    };
    let finding = |session: &Session| {
        // The go command starts itself once more, for its telemetry.
        let mut starts = session.of("start");
        let start = starts.find(|start| start["process"]["command_args"][1] == "run").unwrap();
        assert_eq!(unread(start), Some("timeout"), "{start:#}");
        start["tracego"]["findings"][0].clone()
    };
    let session = run("", "");
    let found = finding(&session);
    assert_eq!((&found["id"], &found["confidence"]), (&"TG001".into(), &"medium".into()), "{found:#}");
    assert_eq!(found["unenforced"], "unread");
    assert!(session.stderr().contains("ran"), "{}", session.stderr());
    // The start is judged when the deadline for its file has passed; an empty cache keeps the command busy.
    let session = run("[enforce]\nunreadable = \"stop\"\n", "empty");
    assert!(finding(&session)["unenforced"].is_null());
    assert!(!session.stderr().contains("\nran"), "{}", session.stderr());
    assert_eq!(session.output.status.code(), Some(137), "{}", session.stderr());
}
