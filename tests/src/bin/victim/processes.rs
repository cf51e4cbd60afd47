//! Processes made by other calls than fork.

use std::{
    ffi::{c_int, c_void},
    io::{self, Read as _},
    os::fd::AsRawFd as _,
    process::{Command, ExitCode, Stdio},
    ptr,
};

/// Exit code of [`reuse`] when the kernel does not let it choose a pid.
const REFUSED: u8 = 77;

/// Starts a program as vfork(2) does, with a separate stack: the child borrows this process's memory until
/// exec.
pub(super) fn vfork() -> ExitCode {
    extern "C" fn child(_: *mut c_void) -> c_int {
        let argv = [c"true".as_ptr(), c"from-vfork".as_ptr(), ptr::null()];
        let envp = [ptr::null()];
        // SAFETY: both lists end with a null and outlive the call.
        unsafe { libc::execve(c"/bin/true".as_ptr(), argv.as_ptr(), envp.as_ptr()) };
        127
    }
    let mut stack = vec![0_u128; 4096];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is aligned, grows down from its end and outlives the child's use of it, because this
    // thread is suspended until then.
    let pid = unsafe { libc::clone(child, stack.as_mut_ptr_range().end.cast(), flags, ptr::null_mut()) };
    assert!(pid > 0, "{}", io::Error::last_os_error());
    println!("{pid}");
    wait(pid);
    ExitCode::SUCCESS
}

/// Ends a shell that has a job and gives its pid to a process without a job. A child of the shell lives on
/// and starts a program only after that.
pub(super) fn reuse() -> ExitCode {
    let script = "exec 3<&0; { read line <&3; exec env -i /bin/true late; } & exit 0";
    let mut shell = Command::new("/bin/sh")
        .args(["-c", script])
        .env("CI_JOB_ID", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (hold, mut orphan) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    let pid = i32::try_from(shell.id()).unwrap();
    assert!(shell.wait().unwrap().success());
    let (input, output) = io::pipe().unwrap();
    match clone_as(pid) {
        Ok(0) => {
            let argv = [c"cat".as_ptr(), c"-".as_ptr(), ptr::null()];
            let envp = [ptr::null()];
            // SAFETY: the descriptor is open; both lists end with a null and outlive the call.
            unsafe {
                libc::dup2(input.as_raw_fd(), 0);
                libc::execve(c"/bin/cat".as_ptr(), argv.as_ptr(), envp.as_ptr());
                libc::_exit(127);
            }
        }
        Ok(second) => assert_eq!(second, pid),
        Err(error) => {
            println!("clone3 with set_tid: {error}");
            return ExitCode::from(REFUSED);
        }
    }
    // Lets the orphan continue, and waits until it has ended and its output has no writer.
    drop(hold);
    orphan.read_to_end(&mut Vec::new()).unwrap();
    drop(output);
    wait(pid);
    println!("{pid}");
    ExitCode::SUCCESS
}

/// Forks like fork(2), with `pid` as the pid of the child.
fn clone_as(pid: i32) -> io::Result<i32> {
    // struct clone_args of linux/sched.h: flags, pidfd, child_tid, parent_tid, exit_signal, stack,
    // stack_size, tls, set_tid, set_tid_size, cgroup.
    let mut args = [0_u64; 11];
    args[4] = u64::try_from(libc::SIGCHLD).unwrap();
    args[8] = (&raw const pid).addr() as u64;
    args[9] = 1;
    // SAFETY: the arguments are readable and of the given size; the child has a copy of this stack.
    let child = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    if child < 0 { Err(io::Error::last_os_error()) } else { Ok(i32::try_from(child).unwrap()) }
}

fn wait(pid: i32) {
    let mut status = 0;
    // SAFETY: `status` is writable.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0);
}
