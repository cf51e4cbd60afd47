//! The process that forks workers. It is forked before the programs are attached and before a tree is followed, so
//! that neither it nor a worker is recorded, and it holds nothing but its sockets open.

use std::{
    ffi::c_int,
    io::{self, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    panic::UnwindSafe,
};

use rustix::process::{Resource, Rlimit, setrlimit};
use tracego_confine::{
    filter::{CallFilter, FilterError},
    worker::become_reader,
};

use super::worker;
use crate::inspect::digest::{channel::HashSockets, hasher};

/// Maximum number of workers at a time, hanging ones among them.
pub(super) const WORKERS: usize = 24;

/// Number of the hasher among the processes of the nursery.
pub(super) const HASHER: usize = WORKERS;

/// A handle of the process. It ends, and kills its workers, when the handle is dropped.
#[derive(Debug)]
pub(super) struct WorkerNursery {
    orders: UnixStream,
}

impl WorkerNursery {
    /// Forks the process. Returns the handle, the sockets of the workers, none of which runs yet, and the socket with
    /// the answers of the hasher, which does not run yet either.
    pub(super) fn start() -> io::Result<(Self, Vec<UnixStream>, OwnedFd)> {
        let (orders, from_agent) = UnixStream::pair()?;
        let mut own = Vec::with_capacity(WORKERS);
        let mut theirs = Vec::with_capacity(WORKERS);
        let mut numbers = [-1; WORKERS];
        for number in &mut numbers {
            let (ours, other) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            *number = other.as_raw_fd();
            own.push(ours);
            theirs.push(other);
        }
        let hashing = HashSockets::new()?;
        // SAFETY: the child calls nothing but system calls until it has one thread of its own in a worker, which
        // the C library prepares its allocator for.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => nurse(from_agent.as_raw_fd(), numbers, hashing.numbers()),
            _ => Ok((Self { orders }, own, hashing.answers)),
        }
    }

    /// Starts a worker or the hasher, or starts it anew.
    pub(super) fn raise(&mut self, worker: usize) -> io::Result<()> {
        self.orders.write_all(&[u8::try_from(worker).unwrap_or(u8::MAX)])
    }
}

/// The body of the process.
fn nurse(orders: c_int, workers: [c_int; WORKERS], hashing: [c_int; 3]) -> ! {
    let mut pids = [0; WORKERS + 1];
    // SAFETY: system calls on numbers and on memory of this function, and a thread of its own.
    unsafe {
        libc::setsid();
        let name = c"tracego-files";
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGQUIT, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        close_others(orders, workers, hashing);
        // Whoever takes this process over by a file finds little to use. What cannot be taken away stays.
        let _done = become_reader();
        loop {
            let mut order = 0_u8;
            let read = libc::read(orders, (&raw mut order).cast(), 1);
            if read < 0 && *libc::__errno_location() == libc::EINTR {
                continue;
            }
            reap(&mut pids);
            if read <= 0 {
                for pid in pids.into_iter().filter(|&pid| pid > 0) {
                    libc::kill(pid, libc::SIGKILL);
                }
                libc::_exit(0);
            }
            let at = usize::from(order);
            let Some(pid) = pids.get_mut(at) else { continue };
            if *pid > 0 {
                libc::kill(*pid, libc::SIGKILL);
            }
            *pid = libc::fork();
            if *pid == 0 {
                libc::close(orders);
                match workers.get(at) {
                    Some(&socket) => work(socket, workers, hashing),
                    None => hash(workers, hashing),
                }
            }
        }
    }
}

/// Forgets workers that have ended.
fn reap(pids: &mut [libc::pid_t]) {
    loop {
        // SAFETY: no status is asked for.
        let ended = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        if ended <= 0 {
            return;
        }
        for pid in pids.iter_mut().filter(|pid| **pid == ended) {
            *pid = 0;
        }
    }
}

/// Closes what the agent has open: a pipe that stayed open here would not end for its reader.
fn close_others(orders: c_int, workers: [c_int; WORKERS], hashing: [c_int; 3]) {
    let mut kept = [orders; WORKERS + 4];
    kept[1..=WORKERS].copy_from_slice(&workers);
    kept[WORKERS + 1..].copy_from_slice(&hashing);
    kept.sort_unstable();
    let mut next: c_int = 0;
    // SAFETY: numbers of descriptors alone. The sockets that stay open are this process's own by now.
    unsafe {
        for fd in kept {
            if fd > next {
                libc::syscall(libc::SYS_close_range, next, fd - 1, 0);
            }
            next = fd + 1;
        }
        libc::syscall(libc::SYS_close_range, next, c_int::MAX, 0);
        // A panic's message goes nowhere.
        for _ in 0..3 {
            if libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) > 2 {
                break;
            }
        }
        libc::chdir(c"/".as_ptr());
    }
}

/// The body of a worker.
fn work(socket: c_int, workers: [c_int; WORKERS], [files, work, results]: [c_int; 3]) -> ! {
    let others = workers.into_iter().filter(|&other| other != socket);
    become_child(others.chain([work, results]));
    // SAFETY: the worker's own descriptors, owned by the stream and the file from here on.
    let (socket, files) = unsafe { (OwnedFd::from_raw_fd(socket), OwnedFd::from_raw_fd(files)) };
    confine(CallFilter::reader());
    run(|| worker::serve(UnixStream::from(socket), &files))
}

/// The body of the hasher.
fn hash(workers: [c_int; WORKERS], [files, work, results]: [c_int; 3]) -> ! {
    become_child(workers.into_iter().chain([files]));
    // SAFETY: the hasher's own descriptors, owned from here on.
    let (work, results) = unsafe { (OwnedFd::from_raw_fd(work), OwnedFd::from_raw_fd(results)) };
    // SAFETY: a text that ends with a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"tracego-hasher".as_ptr()) };
    // Builds need the processors more.
    let _done = rustix::process::setpriority_process(None, 10);
    confine(CallFilter::evaluator());
    run(|| hasher::serve(&work, &results))
}

/// Makes the process end with its parent, and closes descriptors that it does not need.
fn become_child(others: impl Iterator<Item = c_int>) {
    // SAFETY: the process's own descriptors, which nothing owns.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        for other in others {
            libc::close(other);
        }
    }
}

/// Does the work of the process, and ends it.
fn run(work: impl FnOnce() -> io::Result<()> + UnwindSafe) -> ! {
    let served = std::panic::catch_unwind(|| {
        // The log of the agent may have been locked at the fork.
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), work)
    });
    // SAFETY: ends the process without the agent's destructors.
    unsafe { libc::_exit(i32::from(!matches!(served, Ok(Ok(()))))) }
}

/// Takes all from the process but reading: system calls, and writing to files that it may have open. What a kernel
/// lacks is left out.
fn confine(filter: Result<CallFilter, FilterError>) {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _limited = setrlimit(Resource::Fsize, none);
    let _filtered = filter.and_then(|filter| filter.confine_thread());
}
