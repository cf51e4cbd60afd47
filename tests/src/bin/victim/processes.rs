//! Processes made by other calls than fork.

use std::{
    ffi::{c_int, c_void},
    io::{self, Read as _},
    os::fd::AsRawFd as _,
    process::{Command, ExitCode, Stdio},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
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

/// Starts processes of two threads that end at the same moment, and prints how each ended. Every other one ends
/// as a group, with the code of the thread that asks for that.
pub(super) fn ends(count: u32) {
    for round in 0..count {
        // SAFETY: this process has one thread, so the child may do what it likes.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "{}", io::Error::last_os_error());
        if pid == 0 {
            let gate = Arc::new(AtomicU32::new(0));
            let (other, group) = (Arc::clone(&gate), round % 2 == 0);
            thread::Builder::new()
                .name("another".to_owned())
                .spawn(move || {
                    meet(&other);
                    // SAFETY: plain system calls, which do not return.
                    unsafe {
                        libc::syscall(if group { libc::SYS_exit_group } else { libc::SYS_exit }, 7);
                    }
                })
                .unwrap();
            meet(&gate);
            // SAFETY: a plain system call, which does not return.
            unsafe { libc::syscall(libc::SYS_exit, 5) };
        }
        let mut status = 0;
        // SAFETY: `status` is writable.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        println!("{pid} {}", libc::WEXITSTATUS(status));
    }
}

/// Waits until two threads are here.
fn meet(gate: &AtomicU32) {
    gate.fetch_add(1, Ordering::SeqCst);
    while gate.load(Ordering::SeqCst) < 2 {
        std::hint::spin_loop();
    }
}

/// Calls execve as a 32-bit program does. Returns its errno as the exit code.
pub(super) fn caller_32(path: &str) -> ExitCode {
    const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    const SECOND: &[u8] = b"second\0";
    let mut result: i64;
    // SAFETY: a page of our own below 4 GiB, where both strings and the list of pointers of four bytes fit. The
    // call returns, because the file is missing, and changes no register but its result.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, FLAGS, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        let page: *mut u8 = page.cast();
        ptr::copy_nonoverlapping(path.as_ptr(), page, path.len());
        ptr::copy_nonoverlapping(SECOND.as_ptr(), page.add(1024), SECOND.len());
        let list: *mut u32 = page.add(2048).cast();
        let address = u32::try_from(page.addr()).unwrap();
        list.write(address);
        list.add(1).write(address + 1024);
        // rbx cannot be named as an operand.
        std::arch::asm!(
            "xchg rbx, {path}",
            "int 0x80",
            "xchg rbx, {path}",
            path = inout(reg) u64::from(address) => _,
            inout("rax") 11_i64 => result,
            in("rcx") u64::from(address) + 2048,
            in("rdx") 0_u64,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    ExitCode::from(u8::try_from(-(result as i32)).unwrap_or(255))
}
