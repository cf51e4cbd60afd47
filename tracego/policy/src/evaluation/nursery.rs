//! The process that forks the processes of policies. It is forked from the agent before programs are attached,
//! so that neither it nor its children are recorded, and it has one thread and nothing of the agent's open.

use std::{
    ffi::c_int,
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tracego_confine::worker::become_powerless;

use super::{descriptor, worker};

/// Maximum wait for a process to say that it runs.
const START: Duration = Duration::from_secs(3);

/// The nursery of this process, once it runs.
static NURSERY: Mutex<Option<PolicyNursery>> = Mutex::new(None);

/// A handle of the process. It ends when the agent does, which closes the socket, and its children with it.
struct PolicyNursery {
    orders: UnixStream,
    pid: libc::pid_t,
}

/// A process of a policy that has just been started.
pub(super) struct StartedProcess {
    pub(super) socket: UnixStream,
    pub(super) pidfd: OwnedFd,
    pub(super) pid: libc::pid_t,
}

/// Starts a process that waits for a bundle. The first call starts the nursery, and so does the next call after
/// something has killed it, or if it does not answer: it may have been stopped, or forked while another thread of
/// the agent held a lock that a new process needs.
///
/// # Errors
/// Fails if there are no processes or descriptors left.
pub(super) fn start_process() -> io::Result<StartedProcess> {
    let mut nursery = NURSERY.lock().unwrap_or_else(PoisonError::into_inner);
    let started = order_process(&mut nursery);
    if started.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
        *nursery = None;
        return order_process(&mut nursery);
    }
    started
}

/// Starts the nursery, if it does not run.
///
/// # Errors
/// Fails if there are no processes or descriptors left.
pub(crate) fn start() -> io::Result<()> {
    let mut nursery = NURSERY.lock().unwrap_or_else(PoisonError::into_inner);
    if nursery.is_none() {
        *nursery = Some(PolicyNursery::fork()?);
    }
    Ok(())
}

fn order_process(nursery: &mut Option<PolicyNursery>) -> io::Result<StartedProcess> {
    let (socket, other) = UnixStream::pair()?;
    socket.set_read_timeout(Some(START))?;
    let order = |nursery: &PolicyNursery| descriptor::send(&nursery.orders, other.as_fd(), 0);
    if nursery.as_ref().is_none_or(|nursery| order(nursery).is_err()) {
        *nursery = None;
        order(nursery.insert(PolicyNursery::fork()?))?;
    }
    // If the nursery cannot fork, it holds the last copy, and closing it ends the wait.
    drop(other);
    let (pidfd, pid) = descriptor::receive(&socket)?;
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    Ok(StartedProcess { socket, pidfd, pid })
}

impl PolicyNursery {
    fn fork() -> io::Result<Self> {
        let (orders, from_agent) = UnixStream::pair()?;
        // SAFETY: the child calls nothing but system calls, and in its own children what the C library prepares for
        // after a fork: the allocator and threads.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => nurse(from_agent.as_raw_fd()),
            pid => Ok(Self { orders, pid }),
        }
    }
}

impl Drop for PolicyNursery {
    fn drop(&mut self) {
        // SAFETY: a child that nothing else waits for.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

/// The body of the process: a child for each socket that is received.
fn nurse(orders: c_int) -> ! {
    // SAFETY: system calls on numbers and constants. The socket is this process's own, and is owned by the stream
    // from here on.
    let orders = unsafe {
        libc::setsid();
        // The thread that forked it may have precedence, which no policy gets.
        libc::setpriority(libc::PRIO_PROCESS, 0, 0);
        libc::prctl(libc::PR_SET_NAME, c"tracego-policy".as_ptr());
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGQUIT, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
        // A stack that overflows ends the process at once.
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            libc::signal(signal, libc::SIG_DFL);
        }
        // Children that have ended leave nothing behind.
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        close_others(orders);
        // What cannot be taken away stays.
        let _done = become_powerless();
        UnixStream::from(OwnedFd::from_raw_fd(orders))
    };
    loop {
        let socket = match descriptor::receive(&orders) {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // SAFETY: ends the process, and its children with it, without the agent's destructors.
            Err(_) => unsafe { libc::_exit(0) },
        };
        // SAFETY: this process has one thread.
        let (nursery, forked) = unsafe { (libc::getpid(), libc::fork()) };
        if forked == 0 {
            drop(orders);
            worker::run(UnixStream::from(socket), nursery);
        }
    }
}

/// Closes what the agent has open: a pipe that stayed open here would not end for its reader.
fn close_others(kept: c_int) {
    // SAFETY: numbers of descriptors alone, and constant paths.
    unsafe {
        if kept > 0 {
            libc::syscall(libc::SYS_close_range, 0, kept - 1, 0);
        }
        libc::syscall(libc::SYS_close_range, kept + 1, c_int::MAX, 0);
        // Messages of the engine and of the standard library go nowhere.
        for _ in 0..3 {
            if libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) > 2 {
                break;
            }
        }
        libc::chdir(c"/".as_ptr());
    }
}
