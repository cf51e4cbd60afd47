//! Edge cases of exec.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::PermissionsExt as _,
    },
    path::Path,
};

use serde_json::{Value, json};
use tracego_tests::{Session, args};

use crate::{Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("nested scripts", scripts),
    ("a script with a folded argument list", shebang),
    ("a deleted script by its descriptor", script_by_fd),
    ("execveat by folder and path", execveat),
    ("a program in memory", memfd),
    ("a deleted program", deleted),
    ("paths that are none of the host", pathless),
    ("failed attempts", failed),
    ("failed attempts of 32-bit callers", failed_32),
    ("a failed attempt with a long argument", failed_long),
    ("a failed attempt behind the point of no return", failed_late),
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
    ("a setuid program", setuid),
    ("secrets are redacted, and kept with --raw-args", redaction),
];

fn dir() -> tempfile::TempDir {
    // Beside the build, because /tmp may be mounted noexec or nosuid.
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

/// Checks `#!` lines: the kernel passes the rest of the line as one argument, without surrounding blanks.
/// env(1) then starts the next program in the same process.
fn shebang() {
    let dir = dir();
    let path = dir.path().join("script");
    script(&path, "#!  /usr/bin/env   -S sh -e \t\nexit 0\n");
    let session = Session::run(&[], &[path.as_os_str(), OsStr::new("last one")], |_| {});
    let path = path.to_str().unwrap();
    let starts: Vec<_> = session.of("start").collect();
    assert_eq!(starts.len(), 2, "{starts:#?}");
    assert_eq!(args(starts[0]), ["/usr/bin/env", "-S sh -e", path, "last one"]);
    assert_eq!(starts[0]["process"]["executable"]["name"], "env");
    assert_eq!(starts[0]["tracego"]["exec"]["filename"], path);
    assert_eq!(starts[0]["tracego"]["exec"]["interpreter"], "/usr/bin/env");
    assert_eq!(args(starts[1]), ["sh", "-e", path, "last one"]);
    assert!(starts[1]["tracego"]["exec"]["interpreter"].is_null());
    assert_eq!(starts[0]["tracego"]["exec_id"], starts[1]["tracego"]["exec_id"]);
}

fn script_by_fd() {
    let dir = dir();
    let path = dir.path().join("script");
    script(&path, "#!/bin/sh -e\nexit 0\n");
    let session =
        Session::run(&[], &[OsStr::new(VICTIM), OsStr::new("script-by-fd"), path.as_os_str()], |_| {});
    let file = format!("/dev/fd/{}", String::from_utf8(session.output.stdout.clone()).unwrap().trim());
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    let record = session.last();
    assert_eq!(args(record), ["/bin/sh", "-e", &file, "last"]);
    assert_eq!(record["tracego"]["exec"]["filename"], file);
    assert_eq!(record["tracego"]["exec"]["interpreter"], "/bin/sh");
    // The executable is the shell, which still exists.
    assert_eq!(record["tracego"]["executable"]["deleted"], false);
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

/// Mounts tracefs, as docs/records.md tells the machine's administrator to do. The tests run as root.
pub(crate) fn tracefs() {
    if !Path::new("/sys/kernel/tracing/events").is_dir() {
        let mount = ["-t", "tracefs", "tracefs", "/sys/kernel/tracing"];
        assert!(std::process::Command::new("mount").args(mount).status().unwrap().success());
    }
}

fn pathless() {
    let script = "/bin/true; cp /bin/true ./gone; exec 8<./gone; rm gone; /proc/self/fd/8; exec 8<&-; \
        unshare -m sh -c '/bin/true; mount -t tmpfs t /mnt; mkdir -p /mnt/usr/bin; cp /bin/true /mnt/usr/bin/true; \
        exec 7</mnt/usr/bin/true; umount -l /mnt; /proc/self/fd/7; true'";
    let session = Session::run(&[], &["/bin/sh", "-c", script], |c| {
        c.current_dir(std::env::temp_dir());
    });
    let is_asked = |record: &&Value| {
        let name = record["process"]["executable"]["name"].as_str().unwrap();
        ["true", "gone"].contains(&name) || name.contains("busybox")
    };
    let found: Vec<_> = session
        .of("start")
        .filter(is_asked)
        .map(|r| r["tracego"]["executable"]["pathless"].clone())
        .collect();
    let wanted = json!([null, "deleted", "other-namespace", "detached"]);
    assert_eq!(Value::from(found), wanted, "{}", session.stderr());
}

fn failed() {
    tracefs();
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
        ("missing", "ENOENT", "execve"),
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
    assert_eq!(first["tracego"]["completeness"], Value::Null, "{first:#}");
    let untouched = session.of("exec_failed").find(|r| args(r).first() == Some(&"untouched")).unwrap();
    let unavailable = &untouched["tracego"]["completeness"]["unavailable"];
    match args(untouched)[..] {
        // Linux 6.8 opens the file before it reads the arguments (torvalds/linux@978ffcbf00d8).
        [_] => assert_eq!(*unavailable, json!(["process.command_args"])),
        [_, page] => {
            assert!(page.contains("ELF") && unavailable.is_null() && !opens_first(), "{untouched:#}")
        }
        _ => panic!("{untouched:#}"),
    }
    assert_eq!(first["process"]["command"], "victim");
}

/// Returns the only failed attempt with an error.
fn failure<'a>(session: &'a Session, error: &str) -> &'a Value {
    let found: Vec<_> =
        session.of("exec_failed").filter(|r| r["tracego"]["error"]["name"] == error).collect();
    assert_eq!(found.len(), 1, "{:#?} {}", session.records, session.stderr());
    found[0]
}

fn failed_32() {
    tracefs();
    let session = Session::run(&["-e", "execve-failed"], &[VICTIM, "caller-32", "/missing/program"], |_| {});
    // A kernel without 32-bit callers ends the process with a signal.
    if session.output.status.code() != Some(2) {
        return;
    }
    let record = failure(&session, "ENOENT");
    assert_eq!(args(record), ["/missing/program", "second"]);
    assert_eq!(record["tracego"]["exec"]["filename"], "/missing/program");
    assert_eq!(record["tracego"]["exec"]["args_bytes"], 24);
    assert_eq!(record["tracego"]["exec"]["syscall"], "execve");
    assert!(record["tracego"]["completeness"].is_null(), "{record:#}");
}

fn failed_long() {
    tracefs();
    let session = Session::run(&["-e", "execve-failed"], &[VICTIM, "long-failure"], |_| {});
    let record = failure(&session, "ENOENT");
    assert_eq!(args(record), ["missing", &"y".repeat(4095), "last"]);
    assert_eq!(record["tracego"]["completeness"]["truncated"], json!(["process.command_args"]));
    let exec = record["tracego"]["exec"].as_object().unwrap();
    for unknown in ["args_bytes", "env_count", "env_bytes"] {
        assert!(!exec.contains_key(unknown), "{record:#}");
    }
}

/// Checks an executable whose segment lies outside of what a process can map: execve has given up the old
/// image by then, and with it the memory of its arguments.
fn failed_late() {
    tracefs();
    let dir = dir();
    let path = dir.path().join("beyond");
    let mut elf = vec![0_u8; 0x1000];
    elf[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0");
    elf[20] = 1;
    // e_phoff, e_ehsize, e_phentsize, e_phnum; then one PT_LOAD at an address that is not canonical.
    elf[32] = 64;
    (elf[52], elf[54], elf[56]) = (64, 56, 1);
    (elf[64], elf[68]) = (1, 5);
    elf[80..88].copy_from_slice(&0xffff_8000_0000_0000_u64.to_le_bytes());
    elf[96..104].copy_from_slice(&0x1000_u64.to_le_bytes());
    elf[104..112].copy_from_slice(&0x1000_u64.to_le_bytes());
    elf[112..120].copy_from_slice(&0x1000_u64.to_le_bytes());
    fs::write(&path, elf).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let command = format!("{} argument", path.display());
    let session = Session::run(&["-e", "execve-failed"], &["/bin/sh", "-c", &command], |_| {});
    let found: Vec<_> = session.of("exec_failed").filter(|r| r["process"]["command"] == "beyond").collect();
    assert_eq!(found.len(), 1, "{:#?} {}", session.records, session.stderr());
    let whole = &found[0]["tracego"]["completeness"];
    assert_eq!(whole["unavailable"], json!(["tracego.exec.filename", "process.command_args"]), "{whole}");
    assert!(whole["truncated"].is_null(), "{whole}");
    assert!(found[0]["body"].as_str().unwrap().starts_with("beyond: "), "{}", found[0]);
}

fn opens_first() -> bool {
    let release = tracego_probe::requirements::release();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(8))
}

/// Checks an empty argv, which becomes one empty argument since Linux 5.18 (fs/exec.c).
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
    // MAX_ARG_STRLEN is 32 pages, including the NUL.
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
    let session = Session::run(&["--argv-max", "6M", "--raw-args"], &command, |_| {});
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
    // base64 of the bytes, decoded by base64(1) of coreutils.
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
    // Removed here, because the paths of the tree are longer than some tools accept.
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

/// Checks that paths start at the root of the mount namespace, not at the process's own root, which is only a
/// claim of the process.
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

fn redaction() {
    let command = ["/bin/true", "--token=hunter2", "https://me:hunter2@host/"];
    let session = Session::run(&[], &command, |_| {});
    let text = session.last().to_string();
    assert!(!text.contains("hunter2") && text.contains("[tracego:redacted]"), "{text}");
    assert_eq!(session.last()["tracego"]["completeness"]["redacted"], 2);
    let session = Session::run(&["--raw-args"], &command, |_| {});
    assert_eq!(args(session.last()), command);
}
