//! Messages to systemd, and the files that a service reads.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tracego_tests::{ChildGuard, tracego, with_full_records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("systemd is notified of the start, the state, reloads and the end", notified),
    ("systemd's watchdog is fed only while the reader works", watchdog),
    ("files that another user could change are refused", untrusted),
    ("policies and configuration of a ConfigMap are taken", config_map),
];

/// Starts tracego with a socket of systemd's protocol. The ring has room for the programs of other tests while the
/// reader is stopped: the end would report their loss.
fn start(folder: &Path, watchdog: &str) -> (ChildGuard, UnixDatagram) {
    let socket = UnixDatagram::bind(folder.join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut command = with_full_records();
    command.arg("--config").arg(folder).args(["--output", "json", "--heartbeat", "0", "--ring-size", "128M"]);
    command.env("NOTIFY_SOCKET", folder.join("notify")).env("WATCHDOG_USEC", watchdog);
    let running = ChildGuard(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    (running, socket)
}

fn receive(socket: &UnixDatagram) -> Option<String> {
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).ok()?;
    Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
}

/// Returns the first message with this text.
fn wait(socket: &UnixDatagram, text: &str) -> String {
    let (start, mut all) = (Instant::now(), Vec::new());
    while start.elapsed() < Duration::from_secs(60) {
        match receive(socket) {
            Some(message) if message.contains(text) => return message,
            other => all.extend(other),
        }
    }
    panic!("no message with {text}: {all:#?}")
}

fn signal(running: &ChildGuard, signal: i32) {
    let pid = i32::try_from(running.0.id()).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

fn notified() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("conf.d/10.toml");
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    fs::write(&part, "[rules.TG007]\nenabled = false\n").unwrap();
    let (running, socket) = start(folder.path(), "3000000");
    let ready = wait(&socket, "READY=1");
    assert!(ready.contains("STATUS=every program that starts from now on is recorded"), "{ready}");
    wait(&socket, "WATCHDOG=1");
    let status = wait(&socket, "events recorded, ");
    assert!(status.starts_with("STATUS=") && status.contains(" lost, "), "{status}");
    let reload = |wanted: &str| {
        signal(&running, libc::SIGHUP);
        let begun = wait(&socket, "RELOADING=1");
        assert!(begun.contains("MONOTONIC_USEC="), "{begun}");
        let ended = wait(&socket, "READY=1");
        assert!(ended.contains(wanted), "{wanted}: {ended}");
        ended
    };
    fs::write(&part, "\nhertbeat = 1\n").unwrap();
    let of = reload("STATUS=reload refused: ");
    assert!(of.contains("conf.d/10.toml:2: unknown key 'hertbeat'"), "{of}");
    assert!(wait(&socket, "WATCHDOG=1").contains("WATCHDOG"));
    fs::write(&part, "[rules.TG007]\nenabled = true\n").unwrap();
    assert!(!reload("STATUS=").contains("refused"));
    running.terminate();
    wait(&socket, "STOPPING=1");
    assert_eq!(running.output().status.code(), Some(0));
}

/// Stops the reader's thread alone, as a debugger does.
fn watchdog() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tracego.toml"), "").unwrap();
    let (running, socket) = start(folder.path(), "3000000");
    wait(&socket, "READY=1");
    wait(&socket, "WATCHDOG=1");
    let tasks = fs::read_dir(format!("/proc/{}/task", running.0.id())).unwrap();
    let reader = tasks
        .map(|task| task.unwrap().path())
        .find(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "tracego-reader"));
    let reader: i32 = reader.unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: the requests name a thread of the child and pass no memory.
    unsafe {
        assert_eq!(libc::ptrace(libc::PTRACE_SEIZE, reader, none, none), 0);
        assert_eq!(libc::ptrace(libc::PTRACE_INTERRUPT, reader, none, none), 0);
    }
    wait(&socket, "STATUS=reader hangs: no sign of life");
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let message = receive(&socket).unwrap_or_default();
        assert!(!message.contains("WATCHDOG"), "{message}");
    }
    // SAFETY: as above; a thread has to be in a stop to be let go, which waitpid(2) confirms.
    unsafe {
        assert_eq!(libc::waitpid(reader, std::ptr::null_mut(), libc::__WALL), reader);
        assert_eq!(libc::ptrace(libc::PTRACE_DETACH, reader, none, none), 0);
    }
    wait(&socket, "WATCHDOG=1");
    running.terminate();
    assert_eq!(running.output().status.code(), Some(0));
}

fn untrusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shown = |name: &str| path(name).display().to_string();
    fs::create_dir(path("spool")).unwrap();
    fs::create_dir(path("policy")).unwrap();
    fs::write(path("policy/p.rego"), "package main\n\ndeny contains \"no\" if input.x\n").unwrap();
    assert!(with_full_records().args(["seal-key"]).arg(path("key")).output().unwrap().status.success());
    let config = format!(
        "spool-dir = \"{}\"\npolicy = \"{}\"\nseal = true\noutput = \"json\"\nseal-key = \"{}\"\n",
        shown("spool"),
        shown("policy"),
        shown("key")
    );
    fs::write(path("tracego.toml"), config).unwrap();
    let ended = |args: &[&str]| {
        let output = with_full_records().args(args).arg(path("tracego.toml")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let check = || ended(&["config", "check"]);
    assert_eq!(check().0, Some(0), "{}", check().1);
    let own = |name: &str, uid: u32| std::os::unix::fs::chown(path(name), Some(uid), None).unwrap();
    for name in ["tracego.toml", "spool", "policy", "key"] {
        own(name, 65534);
        let command =
            format!("belongs to user 65534, who could change what tracego does: chown 0 {}", shown(name));
        // Root checks the configuration of a service whose spool belongs to the service's user.
        let checked = (name != "spool").then(&check);
        for (code, stderr) in checked.into_iter().chain([ended(&["--duration", "1", "--config"])]) {
            assert!(code == Some(2) && stderr.contains(&command), "{name}: {code:?} {stderr}");
        }
        own(name, 0);
    }
    let mode = |name: &str, mode| fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    for (name, bits, usual) in
        [("tracego.toml", 0o664, 0o644), ("policy", 0o757, 0o755), ("spool", 0o777, 0o700)]
    {
        mode(name, bits);
        let (code, stderr) = ended(&["--duration", "1", "--config"]);
        assert!(
            code == Some(2) && stderr.contains(&format!("chmod go-w {}", shown(name))),
            "{name}: {stderr}"
        );
        mode(name, usual);
    }
    assert_eq!(check().0, Some(0), "{}", check().1);
}

/// Lays files out as kubelet does, in a file system that is mounted read-only and whose mode lets all write.
fn config_map() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "package main\n\ndeny contains \"no\" if input.x\n";
    let script = format!(
        "set -e; mkdir v; mount -t tmpfs -o mode=0777 volume v; cd v; mkdir ..2026; printf '{policy}' >..2026/p.rego; \
         printf 'policy = \"%s\"\\n' \"$PWD\" >..2026/tracego.toml; ln -s ..2026 ..data; \
         ln -s ..data/p.rego p.rego; ln -s ..data/tracego.toml tracego.toml; \
         \"$1\" policy check . && exit 90; mount -o remount,ro .; \"$1\" policy check .; \
         \"$1\" config check tracego.toml"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(tracego()).current_dir(folder.path());
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("others than its owner can write it (mode 777)"), "{stderr}");
}
