//! Each state of a pidfile, produced by a real daemon.

use std::{
    fs::{self, File},
    os::unix::fs::{chown, symlink},
    path::Path,
    time::{Duration, SystemTime},
};

use PidfileState::{Duplicate, Foreign, Missing, Stale, Unlocked, Valid};
use tempfile::TempDir;
use tracego_analyze::inspect::{
    proc::procfs::Procfs,
    service::{watch_list::ServiceWatch, watched::WatchedService},
};
use tracego_model::{
    clock::Reading,
    input::facts::{PidfileSource, PidfileState, ServiceState},
};

use crate::{
    ConditionalTest, Test,
    daemon::{Daemon, at_once, configured, look, only, only_file},
    needs_root,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a pidfile under a lock of any kind is valid", locks),
    ("a lock that was taken ahead of a fork is the service's", lock_ahead_of_fork),
    ("a pidfile without a lock is unlocked", unlocked),
    ("a pidfile that is not there is missing", missing),
    ("a pidfile of a process that is gone is stale", stale),
    ("a pidfile that is older than the service is stale even with its number", older),
    ("a pidfile that names another process is foreign", foreign),
    ("a pidfile whose process started after it was written is stale", number_used_again),
    ("two pidfiles are a duplicate and two names of one are not", duplicate),
    ("an open pidfile is found without configuration", found_by_descriptor),
    ("a pidfile that is only read is another's", only_read),
    ("a lock file counts only when it holds the number", lock_files),
    ("a worker is named through its master and a supervisor through none", workers),
    ("a pattern finds the file that names the service", patterns),
    ("names in the path are filled in", templates),
    ("the unit's PIDFile is read where systemd reads it", unit),
    ("what is no file is not opened", no_file),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("a pidfile of another user is foreign", owner, needs_root),
    ("in a pid namespace the number inside counts", pid_namespace, needs_root),
    ("the file is looked for in the root folder of the service", root_folder, needs_root),
    ("a link out of the root folder stays inside", link_out, needs_root),
];

fn path(dir: &TempDir, name: &str) -> String {
    dir.path().join(name).to_str().unwrap().to_owned()
}

fn set_age(path: &str, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

fn locks() {
    for kind in ["flock", "fcntl", "ofd"] {
        let dir = tempfile::tempdir().unwrap();
        let file = path(&dir, "a.pid");
        let mut daemon = Daemon::start();
        // Written first, because closing any descriptor of the file drops an fcntl lock.
        daemon.tell(&format!("write {file}"));
        daemon.tell(&format!("{kind} {file}"));
        let state = configured(&daemon, &[&file]);
        let pidfile = only_file(&state);
        assert_eq!((pidfile.state, pidfile.source), (Valid, PidfileSource::Configuration), "{kind}");
        assert_eq!(pidfile.pid, Some(daemon.id.tgid));
        let state = look(daemon.service());
        assert_eq!((only(&state), only_file(&state).source), (Valid, PidfileSource::Lock), "{kind}");
        daemon.tell("close");
        assert_eq!(only(&configured(&daemon, &[&file])), Unlocked, "{kind}");
    }
}

fn lock_ahead_of_fork() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    daemon.tell(&format!("flock {file}"));
    daemon.fork();
    daemon.tell(&format!("write {file}"));
    let state = look(daemon.service());
    assert_eq!((only(&state), only_file(&state).source), (Valid, PidfileSource::Lock));
}

fn unlocked() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    daemon.tell(&format!("write {file}"));
    assert_eq!(only(&configured(&daemon, &[&file])), Unlocked);
    // The lock counts whoever holds it: it may be a supervisor.
    let held = File::open(&file).unwrap();
    held.lock().unwrap();
    assert_eq!(only(&configured(&daemon, &[&file])), Valid);
}

fn missing() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    assert_eq!(look(daemon.service()).pidfiles, []);
    assert_eq!(only(&configured(&daemon, &[&file])), Missing);
    daemon.tell(&format!("hold {file}"));
    fs::remove_file(&file).unwrap();
    let state = look(daemon.service());
    assert_eq!((only(&state), only_file(&state).source), (Missing, PidfileSource::Descriptor));
    assert_eq!(only_file(&state).path, file);
}

/// Returns the pid of a process that has ended.
fn ended() -> u32 {
    let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

fn stale() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    let gone = ended();
    daemon.tell(&format!("hold {file} {gone}"));
    let state = configured(&daemon, &[&file]);
    assert_eq!((only(&state), only_file(&state).pid), (Stale, Some(gone)));
}

fn older() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    daemon.tell(&format!("write {file}"));
    assert_eq!(only(&configured(&daemon, &[&file])), Unlocked);
    set_age(&file, 3600);
    assert_eq!(only(&configured(&daemon, &[&file])), Stale);
    // A file that the daemon has open for writing is its own.
    daemon.tell(&format!("flock {file}"));
    assert_eq!(only(&configured(&daemon, &[&file])), Valid);
}

fn foreign() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    let mut other = Daemon::start();
    other.tell(&format!("write {file}"));
    let state = configured(&daemon, &[&file]);
    assert_eq!((only(&state), only_file(&state).pid), (Foreign, Some(other.id.tgid)));
    for text in ["x", "0", "-1"] {
        daemon.tell(&format!("write {file} {text}"));
        let state = configured(&daemon, &[&file]);
        assert_eq!((only(&state), only_file(&state).pid), (Foreign, None), "{text}");
    }
    // The id of a thread is not the id of a process.
    let thread = std::thread::spawn(|| {
        // SAFETY: a plain system call.
        let number = unsafe { libc::gettid() };
        std::thread::park();
        number
    });
    let own = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().file_name());
    let tasks: Vec<u32> = own.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
    let number = tasks.into_iter().find(|&task| task != std::process::id()).unwrap();
    daemon.tell(&format!("write {file} {number}"));
    assert_eq!(only(&configured(&daemon, &[&file])), Stale);
    thread.thread().unpark();
    thread.join().unwrap();
}

fn number_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    let other = Daemon::start();
    daemon.tell(&format!("write {file} {}", other.id.tgid));
    assert_eq!(only(&configured(&daemon, &[&file])), Foreign);
    set_age(&file, 3600);
    assert_eq!(only(&configured(&daemon, &[&file])), Stale);
}

fn owner() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    daemon.tell(&format!("write {file}"));
    assert_eq!(only(&configured(&daemon, &[&file])), Unlocked);
    chown(&file, Some(65534), None).unwrap();
    assert_eq!(only(&configured(&daemon, &[&file])), Foreign);
}

fn duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, link) = (path(&dir, "a.pid"), path(&dir, "b.pid"), path(&dir, "c.pid"));
    let mut daemon = Daemon::start();
    daemon.tell(&format!("write {one}"));
    symlink(&one, &link).unwrap();
    assert_eq!(only(&configured(&daemon, &[&one, &link])), Unlocked);
    daemon.tell(&format!("write {two}"));
    let states: Vec<_> = configured(&daemon, &[&one, &two]).pidfiles.iter().map(|file| file.state).collect();
    assert_eq!(states, [Unlocked, Duplicate]);
}

fn found_by_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::start();
    daemon.tell(&format!("hold {file}"));
    let state = look(daemon.service());
    let pidfile = only_file(&state);
    assert_eq!((pidfile.state, pidfile.source), (Unlocked, PidfileSource::Descriptor));
    assert_eq!(pidfile.path, file);
}

fn only_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let (mut daemon, mut other) = (Daemon::start(), Daemon::start());
    other.tell(&format!("write {file}"));
    daemon.tell(&format!("read {file}"));
    assert_eq!(look(daemon.service()).pidfiles, []);
}

fn lock_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.lock");
    let mut daemon = Daemon::start();
    daemon.tell(&format!("flock {file}"));
    assert_eq!(look(daemon.service()).pidfiles, [], "an empty lock is no pidfile");
    daemon.tell(&format!("write {file}"));
    assert_eq!(only(&look(daemon.service())), Valid);
}

fn workers() {
    let dir = tempfile::tempdir().unwrap();
    let (master, worker_file) = (path(&dir, "a.pid"), path(&dir, "w.pid"));
    let mut daemon = Daemon::start();
    daemon.tell(&format!("write {master}"));
    daemon.tell(&format!("flock {master}"));
    let worker = crate::daemon::id(daemon.tell("worker").parse().unwrap());
    let of_worker = WatchedService { pidfiles: vec![master.clone()], ..crate::daemon::service(worker) };
    let state = look(of_worker);
    assert_eq!((only(&state), only_file(&state).pid), (Valid, Some(daemon.id.tgid)));
    // The child is another program: its pidfile is not the supervisor's, unless it is configured.
    let child = daemon.tell("other");
    daemon.tell(&format!("hold {worker_file} {child}"));
    let state = look(daemon.service());
    assert_eq!(only_file(&state).path, master);
    let states: Vec<_> =
        configured(&daemon, &[&worker_file]).pidfiles.iter().map(|file| file.state).collect();
    assert_eq!(states, [Foreign, Valid]);
}

fn patterns() {
    let dir = tempfile::tempdir().unwrap();
    let pattern = path(&dir, "*.pid");
    let (mut daemon, mut other) = (Daemon::start(), Daemon::start());
    other.tell(&format!("write {}", path(&dir, "a.pid")));
    let state = configured(&daemon, &[&pattern]);
    assert_eq!((only(&state), only_file(&state).path.as_str()), (Missing, pattern.as_str()));
    daemon.tell(&format!("write {}", path(&dir, "b.pid")));
    let state = configured(&daemon, &[&pattern]);
    assert_eq!((only(&state), only_file(&state).path.clone()), (Unlocked, path(&dir, "b.pid")));
}

fn templates() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start();
    daemon.tell(&format!("write {}", path(&dir, "daemon-api.pid")));
    let pidfiles = vec![path(&dir, "{name}-{unit}.pid")];
    let service = WatchedService { pidfiles, unit: Some("api.service".into()), ..daemon.service() };
    let state = look(service.clone());
    let files: Vec<_> = state.pidfiles.iter().map(|file| (file.path.clone(), file.state)).collect();
    assert_eq!(files, [(path(&dir, "daemon-api.pid"), Unlocked)]);
    assert_eq!(look(WatchedService { unit: None, ..service }).pidfiles, [], "there is no unit to fill in");
}

/// Creates a /proc of real processes, with a made-up root folder for process 1.
fn with_init(root: &Path, daemon: &Daemon) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let link = |name: &str| symlink(Path::new("/proc").join(name), dir.path().join(name)).unwrap();
    link("locks");
    link(&daemon.id.tgid.to_string());
    link(&std::process::id().to_string());
    fs::create_dir(dir.path().join("1")).unwrap();
    let stat = fs::read_to_string("/proc/1/stat").unwrap();
    fs::write(dir.path().join("1/stat"), stat).unwrap();
    symlink(root, dir.path().join("1/root")).unwrap();
    dir
}

fn unit() {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("etc/systemd/system");
    fs::create_dir_all(units.join("api@.service.d")).unwrap();
    fs::create_dir(root.path().join("run")).unwrap();
    fs::write(units.join("api@.service"), "[WatchedService]\nPIDFile=/run/wrong.pid\n").unwrap();
    fs::write(units.join("api@.service.d/10.conf"), "[WatchedService]\nPIDFile=%p/%i.pid\n").unwrap();
    let mut daemon = Daemon::start();
    let procfs = with_init(root.path(), &daemon);
    let look = |container: Option<&str>| -> ServiceState {
        let mut watch = ServiceWatch::new(Procfs::new(procfs.path()), at_once());
        let container = container.map(str::to_owned);
        watch.add(WatchedService { unit: Some("api@blue.service".into()), container, ..daemon.service() });
        watch.due(Reading::now()).remove(0)
    };
    let state = look(None);
    let pidfile = only_file(&state);
    assert_eq!((pidfile.path.as_str(), pidfile.source), ("/run/api/blue.pid", PidfileSource::Unit));
    assert_eq!(pidfile.state, Missing);
    assert_eq!(look(Some("x")).pidfiles, [], "a container's units are its own affair");
    fs::create_dir(root.path().join("run/api")).unwrap();
    let file = root.path().join("run/api/blue.pid");
    daemon.tell(&format!("write {}", file.display()));
    let look = |daemon: &Daemon| -> ServiceState {
        let mut watch = ServiceWatch::new(Procfs::new(procfs.path()), at_once());
        watch.add(WatchedService { unit: Some("api@blue.service".into()), ..daemon.service() });
        watch.due(Reading::now()).remove(0)
    };
    assert_eq!(only(&look(&daemon)), Unlocked);
    // The test started the daemon, as a unit's main process starts others.
    fs::write(&file, std::process::id().to_string()).unwrap();
    assert_eq!(only(&look(&daemon)), Unlocked);
    fs::write(&file, ended().to_string()).unwrap();
    assert_eq!(only(&look(&daemon)), Stale);
}

fn no_file() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start();
    let pipe = path(&dir, "a.pid");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let large = path(&dir, "b.pid");
    fs::write(&large, vec![b'1'; 5000]).unwrap();
    let state = configured(&daemon, &[&pipe, &large, "/proc/self/stat", "/dev/zero"]);
    assert_eq!(state.pidfiles, []);
    for (path, why) in [
        (pipe.as_str(), "not a regular file"),
        (&large, "too large"),
        ("/proc/self/stat", "not a regular file"),
        ("/dev/zero", "not a regular file"),
    ] {
        assert_eq!(state.unavailable[path], why);
    }
}

fn pid_namespace() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(&dir, "a.pid");
    let mut daemon = Daemon::through(&["unshare", "--pid", "--fork", "--kill-child"]);
    daemon.tell(&format!("write {file}"));
    let state = configured(&daemon, &[&file]);
    assert_eq!((only(&state), only_file(&state).pid), (Unlocked, Some(1)));
    daemon.tell(&format!("write {file} {}", daemon.id.tgid));
    assert_eq!(only(&configured(&daemon, &[&file])), Unlocked, "tools of the host write its number there");
    // A pid of the host that no process inside has.
    let other = Daemon::start();
    daemon.tell(&format!("write {file} {}", other.id.tgid));
    assert_eq!(only(&configured(&daemon, &[&file])), Stale);
    let child = daemon.tell("other");
    daemon.tell(&format!("write {file} {child}"));
    assert_eq!(only(&configured(&daemon, &[&file])), Foreign);
}

fn root_folder() {
    // A separate /run, which is invisible outside.
    let script = "mount -t tmpfs none /run && exec \"$0\"";
    let mut daemon = Daemon::through(&["unshare", "--mount", "/bin/sh", "-c", script]);
    daemon.tell("hold /run/tracego-test.pid");
    assert!(!Path::new("/run/tracego-test.pid").exists());
    let state = configured(&daemon, &["/run/tracego-test.pid"]);
    assert_eq!(only(&state), Unlocked);
    let state = look(daemon.service());
    assert_eq!(only_file(&state).path, "/run/tracego-test.pid");
}

fn link_out() {
    let jail = tempfile::tempdir().unwrap();
    let outside = path(&jail, "outside.pid");
    let root = jail.path().join("root");
    fs::create_dir(&root).unwrap();
    // The daemon enters the chroot after its start, because its libraries are not in there.
    let mut daemon = Daemon::start();
    daemon.tell(&format!("chroot {}", root.display()));
    daemon.tell("write /a.pid");
    let state = configured(&daemon, &["/a.pid"]);
    assert_eq!(only(&state), Unlocked);
    fs::write(&outside, daemon.id.tgid.to_string()).unwrap();
    symlink(&outside, root.join("b.pid")).unwrap();
    symlink("../../outside.pid", root.join("c.pid")).unwrap();
    assert_eq!(only(&configured(&daemon, &["/b.pid"])), Missing);
    assert_eq!(only(&configured(&daemon, &["/c.pid"])), Missing);
    assert_eq!(only(&configured(&daemon, &["/../outside.pid"])), Missing);
    daemon.tell("hold /d.pid");
    assert_eq!(only_file(&look(daemon.service())).path, "/d.pid", "as the service sees it");
}
