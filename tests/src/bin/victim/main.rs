//! The observed program of the tests: it starts programs in ways that a shell cannot.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test that reads its records")]
#![expect(clippy::print_stdout, reason = "its output is what the test compares with")]

mod processes;

use std::{
    env,
    ffi::{CStr, CString},
    fs,
    io::Write as _,
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::fs::MetadataExt as _,
        unix::process::ExitStatusExt as _,
    },
    process::{Command, ExitCode},
    ptr,
};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let arg = |n: usize| args.get(n).map_or("", String::as_str);
    match arg(1) {
        "facts" => facts(),
        "empty-argv" => execveat(libc::AT_FDCWD, c"/bin/true", &[], 0),
        "execveat-path" => {
            let dir = fs::File::open("/bin").unwrap();
            execveat(dir.as_raw_fd(), c"true", &[c"by-path"], 0);
        }
        "memfd" => memfd(),
        "deleted" => {
            fs::copy("/bin/true", arg(2)).unwrap();
            let file = fs::File::open(arg(2)).unwrap();
            fs::remove_file(arg(2)).unwrap();
            execveat(file.as_raw_fd(), c"", &[c"gone"], libc::AT_EMPTY_PATH);
        }
        "thread" => {
            // SAFETY: a plain system call.
            println!("{}", unsafe { libc::getpid() });
            let thread = std::thread::spawn(|| {
                // SAFETY: a plain system call.
                println!("{}", unsafe { libc::gettid() });
                std::io::stdout().flush().unwrap();
                execveat(libc::AT_FDCWD, c"/bin/true", &[c"from-thread"], 0);
            });
            thread.join().unwrap();
        }
        "failed" => failed(arg(2)),
        "spawn" => assert!(Command::new("/bin/true").status().unwrap().success()),
        "deep" => deep(arg(2)),
        "gone" => {
            env::set_current_dir(arg(2)).unwrap();
            fs::remove_dir(arg(2)).unwrap();
            execveat(libc::AT_FDCWD, c"/bin/true", &[c"true"], 0);
        }
        "chroot" => chroot(arg(2)),
        "rename" => {
            // SAFETY: the name is shorter than 16 bytes and ends with a NUL.
            unsafe { libc::prctl(libc::PR_SET_NAME, c"other name".as_ptr()) };
        }
        "abort" => {
            let status = Command::new(&args[0]).arg("abort-now").status().unwrap();
            println!("{}", status.core_dumped());
        }
        "abort-now" => {
            let all = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: `all` is readable.
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const all) };
            std::process::abort();
        }
        "storm" => storm(arg(2).parse().unwrap()),
        "ends" => processes::ends(arg(2).parse().unwrap()),
        "caller-32" => return processes::caller_32(arg(2)),
        "long-failure" => {
            // Written here: a page of the file may not be in memory, and the kernel never reads these arguments.
            let all = ["missing", &"y".repeat(5000), "last"].map(|arg| CString::new(arg).unwrap());
            let [name, long, last] = &all;
            execveat(libc::AT_FDCWD, c"/missing/program", &[name, long, last], 0);
        }
        "vfork" => return processes::vfork(),
        "reuse" => return processes::reuse(),
        "script-by-fd" => {
            // Inherited on purpose: the interpreter opens /dev/fd/N.
            let file = fs::File::open(arg(2)).unwrap();
            fs::remove_file(arg(2)).unwrap();
            // SAFETY: the file is open.
            assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) }, 0);
            println!("{}", file.as_raw_fd());
            execveat(file.as_raw_fd(), c"", &[c"script", c"last"], libc::AT_EMPTY_PATH);
        }
        other => panic!("{other}?"),
    }
    ExitCode::SUCCESS
}

/// Prints facts that this process knows about itself, as JSON.
fn facts() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let ns = |name: &str| fs::metadata(format!("/proc/self/ns/{name}")).unwrap().ino();
    let exe = fs::metadata("/proc/self/exe").unwrap();
    // SAFETY: plain system calls.
    let (sid, pgid) = unsafe { (libc::getsid(0), libc::getpgrp()) };
    let facts = serde_json::json!({
        "pid": std::process::id(),
        "ppid": std::os::unix::process::parent_id(),
        "exe": fs::read_link("/proc/self/exe").unwrap(),
        "cwd": env::current_dir().unwrap(),
        "inode": exe.ino(),
        "owner": exe.uid(),
        "mode": format!("{:o}", exe.mode()),
        "ctime_ns": exe.ctime() * 1_000_000_000 + exe.ctime_nsec(),
        "device": format!("{}:{}", libc::major(exe.dev()), libc::minor(exe.dev())),
        "status": read("/proc/self/status"),
        "stat": read("/proc/self/stat"),
        "limits": read("/proc/self/limits"),
        "cgroup": read("/proc/self/cgroup"),
        "loginuid": read("/proc/self/loginuid"),
        "sid": sid,
        "pgid": pgid,
        "pid_ns": ns("pid"),
        "mnt_ns": ns("mnt"),
        "user_ns": ns("user"),
        "env": env::vars_os().count(),
    });
    println!("{facts}");
}

fn execveat(dir: RawFd, path: &CStr, args: &[&CStr], flags: i32) {
    let mut argv: Vec<*const libc::c_char> = args.iter().map(|arg| arg.as_ptr()).collect();
    argv.push(ptr::null());
    let envp = [ptr::null::<libc::c_char>()];
    // SAFETY: both lists end with a null and outlive the call.
    unsafe { libc::syscall(libc::SYS_execveat, dir, path.as_ptr(), argv.as_ptr(), envp.as_ptr(), flags) };
}

fn memfd() {
    // SAFETY: the name ends with a NUL.
    let fd = unsafe { libc::memfd_create(c"hidden".as_ptr(), libc::MFD_CLOEXEC) };
    let path = format!("/proc/self/fd/{fd}");
    fs::write(&path, fs::read("/bin/true").unwrap()).unwrap();
    // A file that is open for writing cannot be executed; the memfd itself is exempt.
    execveat(fd, c"", &[c"from-memfd"], libc::AT_EMPTY_PATH);
}

/// Tries to execute a path with a second argument in a page that was never touched.
fn unread(path: &CStr) {
    let first = CString::new("untouched").unwrap();
    let flags = libc::MAP_PRIVATE;
    // SAFETY: a page of our own executable without other users; only the kernel reads it.
    unsafe {
        let fd = libc::open(c"/proc/self/exe".as_ptr(), libc::O_RDONLY);
        let page = libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, flags, fd, 0);
        assert_ne!(page, libc::MAP_FAILED);
        let argv = [first.as_ptr(), page.cast(), ptr::null()];
        let envp = [ptr::null::<libc::c_char>()];
        libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr());
    }
}

/// Makes one failed exec per errno; `dir` belongs to this process.
fn failed(dir: &str) {
    let path = |name: &str| CString::new(format!("{dir}/{name}")).unwrap();
    fs::write(format!("{dir}/plain"), "x").unwrap();
    let text = format!("{dir}/text");
    fs::write(&text, "no program\n").unwrap();
    assert!(Command::new("chmod").args(["755", &text]).status().unwrap().success());
    // On the heap and just written, because the kernel does not touch the arguments when the file is missing.
    let (first, second) = (CString::new("missing").unwrap(), CString::new("second").unwrap());
    execveat(libc::AT_FDCWD, &path("missing"), &[&first, &second], 0);
    unread(&path("missing"));
    execveat(libc::AT_FDCWD, &path("plain"), &[c"plain"], 0);
    execveat(libc::AT_FDCWD, &path("text"), &[c"text"], 0);
    let long = CString::new(vec![b'a'; 132_000]).unwrap();
    execveat(libc::AT_FDCWD, c"/bin/true", &[c"true", &long], 0);
    let (argv, envp) = ([c"x".as_ptr(), ptr::null()], [ptr::null()]);
    // SAFETY: both lists end with a null and outlive the call.
    unsafe { libc::execve(path("missing").as_ptr(), argv.as_ptr(), envp.as_ptr()) };
}

/// Goes as deep below `root` as PATH_MAX allows, copies /bin/true there and starts it.
fn deep(root: &str) {
    env::set_current_dir(root).unwrap();
    let name = "d".repeat(200);
    let mut len = root.len();
    while len + name.len() + 8 < 4096 {
        fs::create_dir(&name).unwrap();
        env::set_current_dir(&name).unwrap();
        len += name.len() + 1;
    }
    fs::copy("/bin/true", "true").unwrap();
    println!("{len}");
    execveat(libc::AT_FDCWD, c"./true", &[c"deep"], 0);
}

/// Starts a copy of /bin/true and its libraries with `root` as the root folder.
fn chroot(root: &str) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut files: Vec<&str> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter(|f| f.starts_with('/'))
        .collect();
    files.push("/lib64/ld-linux-x86-64.so.2");
    files.push("/bin/true");
    for file in files {
        let to = format!("{root}{file}");
        fs::create_dir_all(to.rsplit_once('/').unwrap().0).unwrap();
        fs::copy(file, to).unwrap();
    }
    std::os::unix::fs::chroot(root).unwrap();
    env::set_current_dir("/").unwrap();
    execveat(libc::AT_FDCWD, c"/bin/true", &[c"inside"], 0);
}

/// Starts /bin/true `count` times, as fast as possible.
fn storm(count: u32) {
    for _ in 0..count {
        assert!(Command::new("/bin/true").status().unwrap().success());
    }
}
