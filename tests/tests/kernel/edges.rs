//! The edges of exec.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt as _, ffi::OsStringExt as _, fs::PermissionsExt as _},
    path::Path,
};

use tracego_tests::{Session, args};

use crate::{Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("nested scripts", scripts),
    ("execveat by folder and path", execveat),
    ("a program in memory", memfd),
    ("a deleted program", deleted),
    ("exec from a thread", thread),
    ("failed attempts", failed),
    ("posix_spawn", spawn),
    ("an empty argv", empty_argv),
    ("an empty last argument", empty_last),
    ("a thousand arguments", thousand),
    ("one argument of 128 KiB", longest),
    ("arguments beyond the cap", beyond),
    ("arguments up to the cap that the user sets", capped),
    ("bytes, newlines and quotes", bytes),
    ("a path near PATH_MAX", deep),
    ("a name of 255 bytes", long_name),
    ("a deleted working directory", gone),
    ("a chroot", chroot),
    ("a pid and a user namespace", namespaces),
    ("a setuid program", setuid),
    ("a process that renames itself", rename),
    ("death by signal with a core", signal),
    ("a storm of short lives", storm),
    ("secrets are redacted, and kept with --raw-args", redaction),
];

fn dir() -> tempfile::TempDir {
    // Beside the build: /tmp may be mounted noexec or nosuid.
    tempfile::tempdir_in(Path::new(VICTIM).parent().unwrap()).unwrap()
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn scripts() {
    let dir = dir();
    let (inner, outer) = (dir.path().join("inner"), dir.path().join("outer"));
    script(&inner, "#!/bin/sh -e\nexit 0\n");
    script(&outer, &format!("#!{} flag\n", inner.display()));
    let session = Session::run(&[], &[outer.as_os_str(), OsStr::new("last")], |_| {});
    let record = session.start(Path::new("/bin/sh"));
    let (inner, outer) = (inner.to_str().unwrap(), outer.to_str().unwrap());
    assert_eq!(args(record), ["/bin/sh", "-e", inner, "flag", outer, "last"]);
    assert_eq!(record["tracego"]["exec"]["filename"], outer);
    assert_eq!(record["tracego"]["exec"]["interpreter"], "/bin/sh");
}

fn execveat() {
    let session = Session::run(&[], &[VICTIM, "execveat-path"], |_| {});
    assert_eq!(args(session.start(Path::new("/bin/true"))), ["by-path"]);
}

fn memfd() {
    let session = Session::run(&[], &[VICTIM, "memfd"], |_| {});
    let record = session.last();
    assert_eq!(args(record), ["from-memfd"]);
    assert_eq!(record["process"]["executable"]["path"], "memfd:hidden");
    assert_eq!(record["tracego"]["executable"]["memfd"], true);
}

fn deleted() {
    let dir = dir();
    let path = dir.path().join("copy");
    let session = Session::run(&[], &[OsStr::new(VICTIM), OsStr::new("deleted"), path.as_os_str()], |_| {});
    let record = session.last();
    assert_eq!(args(record), ["gone"]);
    assert_eq!(record["process"]["executable"]["path"], path.to_str().unwrap());
    assert_eq!(record["tracego"]["executable"]["deleted"], true);
    assert_eq!(record["tracego"]["executable"]["memfd"], false);
}

fn thread() {
    let session = Session::run(&[], &[VICTIM, "thread"], |_| {});
    let text = String::from_utf8(session.output.stdout.clone()).unwrap();
    let ids: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    let record = session.last();
    assert_eq!(args(record), ["from-thread"]);
    assert_eq!(record["process"]["pid"], ids[0]);
    assert_eq!(record["tracego"]["exec"]["thread_id"], ids[1]);
    let first = session.of("start").next().unwrap();
    assert_eq!(first["tracego"]["exec_id"], record["tracego"]["exec_id"]);
}

fn failed() {
    if !Path::new("/sys/kernel/tracing/events").is_dir() {
        // As README says: the machine's administrator mounts it. The tests are root.
        let mount = ["-t", "tracefs", "tracefs", "/sys/kernel/tracing"];
        assert!(std::process::Command::new("mount").args(mount).status().unwrap().success());
    }
    let dir = dir();
    let path = dir.path().to_str().unwrap();
    let session = Session::run(&["-e", "execve-failed"], &[VICTIM, "failed", path], |_| {});
    let seen: Vec<_> = session
        .of("exec_failed")
        .filter(|r| !r["tracego"]["exec"]["filename"].as_str().unwrap().ends_with("/chmod"))
        .map(|r| {
            let (exec, error) = (&r["tracego"]["exec"], &r["tracego"]["error"]);
            let name = exec["filename"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (name, error["name"].as_str().unwrap().to_owned(), exec["syscall"].as_str().unwrap().to_owned())
        })
        .collect();
    let wanted = [
        ("missing", "ENOENT", "execveat"),
        ("plain", "EACCES", "execveat"),
        ("text", "ENOEXEC", "execveat"),
        ("true", "E2BIG", "execveat"),
        ("missing", "ENOENT", "execve"),
    ];
    let wanted: Vec<_> = wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).into();
    assert_eq!(seen, wanted);
    let first = session
        .of("exec_failed")
        .find(|r| r["tracego"]["error"]["errno"] == 2 && args(r).len() == 2)
        .unwrap();
    assert_eq!(args(first), ["missing", "second"]);
    assert_eq!(first["process"]["command"], "victim");
}

fn spawn() {
    let session = Session::run(&["-e", "execve,fork"], &[VICTIM, "spawn"], |_| {});
    let (parent, child) = (session.start(Path::new(VICTIM)), session.start(Path::new("/bin/true")));
    assert_eq!(child["process"]["parent_pid"], parent["process"]["pid"]);
    assert_eq!(session.of("fork").count(), 1);
}

/// Since Linux 5.18 an empty argv becomes one empty argument (fs/exec.c).
fn empty_argv() {
    let session = Session::run(&[], &[VICTIM, "empty-argv"], |_| {});
    let record = session.start(Path::new("/bin/true"));
    assert_eq!(args(record), [""]);
    assert_eq!(record["process"]["args_count"], 1);
}

fn empty_last() {
    let session = Session::run(&[], &["/bin/true", "a", ""], |_| {});
    assert_eq!(args(session.last()), ["/bin/true", "a", ""]);
}

fn thousand() {
    let mut command = vec!["/bin/true".to_owned()];
    command.extend((0..1000).map(|n| format!("argument-{n}")));
    let session = Session::run(&[], &command, |_| {});
    assert_eq!(args(session.last()), command);
    assert_eq!(session.last()["process"]["args_count"], 1001);
}

fn longest() {
    // MAX_ARG_STRLEN is 32 pages with the NUL.
    let long = "x".repeat(131_071);
    let session = Session::run(&[], &["/bin/true", &long, "after"], |_| {});
    assert_eq!(args(session.last()), ["/bin/true", &long, "after"]);
    assert!(session.last()["tracego"]["completeness"].is_null());
}

fn beyond() {
    let mut command = vec!["/bin/true".to_owned()];
    command.extend((0..8).map(|n| n.to_string().repeat(100_000)));
    let session = Session::run(&[], &command, |_| {});
    let record = session.last();
    assert_eq!(record["process"]["args_count"], 9);
    assert_eq!(record["tracego"]["exec"]["args_bytes"], 10 + 8 * 100_001);
    assert_eq!(record["tracego"]["completeness"]["truncated"], serde_json::json!(["process.command_args"]));
    let kept: usize = args(record).iter().map(|arg| arg.len() + 1).sum();
    assert!((262_000..=262_145).contains(&kept), "{kept}");
    assert_eq!(args(record)[1], command[1]);
}

fn capped() {
    let mut command = vec!["/bin/true".to_owned()];
    command.extend((0..16).map(|n| format!("{n:x}").repeat(100_000)));
    let session = Session::run(&["--argv-max", "6M"], &command, |_| {});
    assert_eq!(args(session.last()), command);
    let session = Session::run(&["--argv-max", "64"], &command, |_| {});
    assert_eq!(args(session.last()).iter().map(|arg| arg.len() + 1).sum::<usize>(), 65);
}

fn bytes() {
    let odd = OsString::from_vec(b"a\xff\xfe\n\"'\\\t".to_vec());
    let command = [OsString::from("/bin/true"), odd.clone(), "two\nlines \"quoted\" ü".into()];
    let session = Session::run(&[], &command, |_| {});
    let record = session.last();
    assert_eq!(args(record)[1], "a\u{fffd}\u{fffd}\n\"'\\\t");
    assert_eq!(args(record)[2], "two\nlines \"quoted\" ü");
    // base64 of the bytes, by base64(1) of coreutils.
    let encoded = record["tracego"]["completeness"]["bytes"]["process.command_args[1]"].as_str().unwrap();
    let decoded =
        std::process::Command::new("sh").args(["-c", &format!("printf %s '{encoded}' | base64 -d")]).output();
    assert_eq!(OsStr::from_bytes(&decoded.unwrap().stdout), odd);
}

fn deep() {
    let dir = dir();
    let session =
        Session::run(&[], &[OsStr::new(VICTIM), OsStr::new("deep"), dir.path().as_os_str()], |_| {});
    let len: usize = String::from_utf8(session.output.stdout.clone()).unwrap().trim().parse().unwrap();
    let record = session.last();
    let cwd = record["process"]["working_directory"].as_str().unwrap();
    assert!(len > 3800 && cwd.len() == len, "{len} {}", cwd.len());
    assert!(cwd.starts_with(dir.path().to_str().unwrap()));
    assert_eq!(record["process"]["executable"]["path"], format!("{cwd}/true"));
    assert!(record["tracego"]["completeness"].is_null(), "{}", record["tracego"]["completeness"]);
    // Removed here: the name of the whole tree is longer than some tools accept.
    std::process::Command::new("rm").arg("-rf").arg(dir.path().join("d".repeat(200))).status().unwrap();
}

fn long_name() {
    let dir = dir();
    let path = dir.path().join("n".repeat(255));
    fs::copy("/bin/true", &path).unwrap();
    let session = Session::run(&[], &[&path], |_| {});
    assert_eq!(session.last()["process"]["executable"]["name"], "n".repeat(255));
    assert_eq!(session.last()["process"]["command"], "n".repeat(15));
}

fn gone() {
    let dir = dir();
    let path = dir.path().join("gone");
    fs::create_dir(&path).unwrap();
    let session = Session::run(&[], &[OsStr::new(VICTIM), OsStr::new("gone"), path.as_os_str()], |_| {});
    let record = session.start(Path::new("/bin/true"));
    assert_eq!(record["process"]["working_directory"], path.to_str().unwrap());
    assert_eq!(record["tracego"]["working_directory_deleted"], true);
}

/// Paths are from the root of the mount namespace, not from the process's own root: what a process
/// calls / is its own claim.
fn chroot() {
    let dir = dir();
    let session =
        Session::run(&[], &[OsStr::new(VICTIM), OsStr::new("chroot"), dir.path().as_os_str()], |_| {});
    let record = session.last();
    assert_eq!(args(record), ["inside"]);
    let path = dir.path().join("bin/true");
    assert_eq!(record["process"]["executable"]["path"], path.to_str().unwrap());
    assert_eq!(record["process"]["working_directory"], dir.path().to_str().unwrap());
    assert_eq!(record["tracego"]["exec"]["filename"], "/bin/true");
}

fn namespaces() {
    let command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "/bin/true"];
    let session = Session::run(&[], &command, |_| {});
    let (outside, inside) = (session.of("start").next().unwrap(), session.last());
    assert_eq!(inside["process"]["vpid"], 1, "{}", session.stderr());
    assert_ne!(inside["process"]["pid"], 1);
    for name in ["pid", "user"] {
        assert_ne!(inside["tracego"]["namespace"][name], outside["tracego"]["namespace"][name]);
    }
    assert_eq!(inside["tracego"]["namespace"]["mnt"], outside["tracego"]["namespace"]["mnt"]);
}

fn setuid() {
    let dir = dir();
    let path = dir.path().join("setuid");
    fs::copy("/bin/true", &path).unwrap();
    std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
    let session = Session::run(&[], &[&path], |_| {});
    let record = session.last();
    let ids = ["user", "real_user", "saved_user"].map(|who| record["process"][who]["id"].as_u64().unwrap());
    assert_eq!(ids, [12345, 0, 12345]);
    assert_eq!(record["tracego"]["executable"]["mode"], "104755");
    assert_eq!(record["tracego"]["executable"]["owner_id"], 12345);
}

fn rename() {
    let session = Session::run(&["-e", "execve,exit"], &[VICTIM, "rename"], |_| {});
    let end = session.of("exit").next().unwrap();
    assert_eq!(end["process"]["command"], "other name");
    assert_eq!(end["process"]["executable"]["path"], VICTIM);
}

fn signal() {
    let session = Session::run(&["-e", "exit"], &[VICTIM, "abort"], |c| {
        c.current_dir(std::env::temp_dir());
    });
    let dumped = session.output.stdout.starts_with(b"true");
    let end = session.of("exit").next().unwrap();
    assert_eq!(end["process"]["exit"]["code"], 134);
    assert_eq!(end["tracego"]["exit"]["signal"], 6);
    assert_eq!(end["tracego"]["exit"]["core_dumped"], dumped);
}

fn storm() {
    const LIVES: usize = 3000;
    let session = Session::run(&["-e", "execve,exit,fork"], &[VICTIM, "storm", &LIVES.to_string()], |_| {});
    assert_eq!(session.of("start").filter(|r| r["process"]["executable"]["name"] == "true").count(), LIVES);
    assert_eq!(session.of("exit").count(), LIVES + 1);
    let seqs: Vec<u64> = session.records.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let mut uids: Vec<&str> =
        session.records.iter().map(|r| r["log"]["record"]["uid"].as_str().unwrap()).collect();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), session.records.len());
    for record in session.of("start") {
        assert!(record["tracego"]["completeness"].is_null(), "{record}");
        assert_eq!(record["tracego"]["ancestors"].as_array().unwrap().last().unwrap()["pid"], 1);
    }
    assert!(session.stderr().contains(" = 0 lost"), "{}", session.stderr());
}

fn redaction() {
    let command = ["/bin/true", "--token=hunter2", "https://me:hunter2@host/"];
    let session = Session::run(&[], &command, |_| {});
    let text = session.last().to_string();
    assert!(!text.contains("hunter2") && text.contains("[tracego:redacted]"), "{text}");
    assert_eq!(session.last()["tracego"]["completeness"]["redacted"], 2);
    let session = Session::run(&["--raw-args"], &command, |_| {});
    assert_eq!(args(session.last()), command);
}
