//! Filters on threads and processes of their own.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    net::TcpListener,
    process::Command,
    thread,
};

use super::*;

/// Runs a function on a thread of its own under a filter.
fn under<T: Send + 'static>(filter: CallFilter, act: impl FnOnce() -> T + Send + 'static) -> T {
    let confined = move || {
        filter.confine_thread().unwrap();
        act()
    };
    thread::spawn(confined).join().unwrap()
}

fn is_refused<T>(done: io::Result<T>) -> bool {
    done.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Makes a system call of numbers that would fail with another error if no filter refused it.
fn call(number: c_long, first: c_long) -> io::Result<()> {
    // SAFETY: the other arguments are null, so the call reads and writes nothing.
    let done = unsafe { libc::syscall(number, first, 0, 0, 0, 0) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[test]
fn the_agent_does_its_work_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    under(CallFilter::agent(AgentNeeds::default()).unwrap(), move || {
        fs::write(&path, "x").unwrap();
        TcpListener::bind("127.0.0.1:0").unwrap();
        thread::spawn(|| ()).join().unwrap();
        // BPF_MAP_LOOKUP_ELEM without arguments: not the filter's error.
        assert!(!is_refused(call(libc::SYS_bpf, 1)));
        for command in agent_commands() {
            assert!(is_refused(call(libc::SYS_bpf, command)), "bpf({command})");
        }
        for number in
            [libc::SYS_ptrace, libc::SYS_mount, libc::SYS_setns, libc::SYS_unshare, libc::SYS_setuid]
        {
            assert!(is_refused(call(number, 0)), "{number}");
        }
        assert!(is_refused(Command::new("/bin/true").status()));
    });
}

fn agent_commands() -> [c_long; 4] {
    // MAP_CREATE, PROG_LOAD, MAP_GET_FD_BY_ID, LINK_CREATE
    [0, 5, 14, 28]
}

#[test]
fn the_agent_starts_programs_and_enters_namespaces_where_it_has_to() {
    under(CallFilter::agent(AgentNeeds { programs: true, namespaces: true }).unwrap(), || {
        assert!(Command::new("/bin/true").status().unwrap().success());
        // A bad descriptor is not the filter's error.
        assert_eq!(call(libc::SYS_setns, -1).unwrap_err().raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn a_reader_reads_and_changes_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    under(CallFilter::reader().unwrap(), move || {
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert!(fs::read_dir("/proc/self").unwrap().count() > 3);
        fs::read_link("/proc/self/exe").unwrap();
        assert!(is_refused(File::create(&path)), "truncated");
        assert!(is_refused(File::options().append(true).open(&path)), "written");
        assert!(is_refused(fs::remove_file(&path)) && is_refused(fs::rename(&path, "/tmp/x")));
        assert!(is_refused(TcpListener::bind("127.0.0.1:0")));
        assert!(is_refused(call(libc::SYS_kill, 1)) && is_refused(call(libc::SYS_ptrace, 0)));
        assert!(is_refused(Command::new("/bin/true").status()));
        assert!(is_refused(call(libc::SYS_setuid, 0)));
        // Of ioctl(2), one call passes. Here, it has no open file.
        let ioctl = |request: u32| {
            // SAFETY: no file has this descriptor.
            let done = unsafe { libc::syscall(libc::SYS_ioctl, -1, libc::c_ulong::from(request), 0) };
            if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        };
        assert_eq!(ioctl(reader::MEASURE_VERITY).unwrap_err().raw_os_error(), Some(libc::EBADF));
        // FS_IOC_ENABLE_VERITY, FS_IOC_SETFLAGS and TIOCSTI.
        assert!([0x4080_6685, 0x4008_6602, 0x5412].into_iter().all(|request| is_refused(ioctl(request))));
    });
}

#[test]
fn an_evaluator_computes_and_opens_nothing() {
    under(CallFilter::evaluator().unwrap(), || {
        assert_eq!((0..1000_u64).collect::<Vec<_>>().iter().sum::<u64>(), 499_500);
        thread::spawn(|| vec![0_u8; 1 << 20]).join().unwrap();
        assert!(is_refused(File::open("/dev/null")));
        assert!(is_refused(TcpListener::bind("127.0.0.1:0")));
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
fn other_numbers_of_a_call_do_not_pass() {
    under(CallFilter::agent(AgentNeeds::default()).unwrap(), || {
        assert!(is_refused(call(0x4000_0000 | libc::SYS_ptrace, 0)));
    });
}
