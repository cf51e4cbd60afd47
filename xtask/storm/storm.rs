//! Starts a program again and again, as vfork(2) does, for a number of seconds: `storm SECONDS PAUSE_US DEPTH
//! PROGRAM ARGUMENT…`. With a depth, it starts itself that many times first, so that the programs have as many more
//! ancestors. Prints the number of starts, the total time, and the median lifetime from the start to the
//! reaped end; times in nanoseconds.
//!
//! Compiled by `cargo xtask bench` with rustc alone. The programs inherit its environment.

use std::{
    env,
    ffi::{CString, c_char, c_int, c_void},
    os::unix::ffi::OsStringExt as _,
    process::{self, Command},
    ptr, thread,
    time::{Duration, Instant},
};

unsafe extern "C" {
    static environ: *const *const c_char;
    fn clone(run: extern "C" fn(*mut c_void) -> c_int, stack: *mut c_void, flags: c_int, arg: *mut c_void, ...)
    -> c_int;
    fn execve(path: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(code: c_int) -> !;
}

/// CLONE_VM | CLONE_VFORK | SIGCHLD (include/uapi/linux/sched.h): vfork(2), with a separate stack for the
/// child, because Rust does not support a function that returns twice.
const VFORK: c_int = 0x100 | 0x4000 | 17;
const STACK: usize = 64 * 1024;

extern "C" fn child(argv: *mut c_void) -> c_int {
    let argv = argv.cast_const().cast::<*const c_char>();
    // SAFETY: the path and both lists end with a null and outlive the call; _exit leaves nothing behind.
    unsafe {
        execve(*argv, argv, environ);
        _exit(127)
    }
}

fn main() {
    let args: Vec<_> = env::args_os().collect();
    let number = |at: usize| args[at].to_str().and_then(|text| text.parse::<u64>().ok()).expect("a number");
    let (seconds, pause, depth) = (number(1), number(2), number(3));
    if depth > 0 {
        let mut next = Command::new(env::current_exe().expect("a path"));
        next.args(&args[1..3]).arg((depth - 1).to_string()).args(&args[4..]);
        process::exit(next.status().expect("a start").code().unwrap_or(1));
    }
    let texts: Vec<_> = args[4..].iter().map(|arg| CString::new(arg.clone().into_vec()).expect("a text")).collect();
    let mut argv: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
    argv.push(ptr::null());
    let mut stack = vec![0_u128; STACK / 16];
    let (start, mut lives) = (Instant::now(), Vec::with_capacity(1 << 21));
    while start.elapsed() < Duration::from_secs(seconds) {
        if pause > 0 {
            thread::sleep(Duration::from_micros(pause));
        }
        let born = Instant::now();
        let mut status = 0;
        // SAFETY: the parent is suspended until the child has left the stack and the list.
        let pid = unsafe {
            let top = stack.as_mut_ptr().add(stack.len()).cast();
            clone(child, top, VFORK, argv.as_mut_ptr().cast())
        };
        // SAFETY: `status` is writable.
        let reaped = unsafe { waitpid(pid, &raw mut status, 0) };
        assert!(reaped == pid && status == 0, "{reaped} {status}");
        lives.push(born.elapsed().as_nanos() as u64);
    }
    let taken = start.elapsed();
    lives.sort_unstable();
    println!("{} {} {}", lives.len(), taken.as_nanos(), lives[lives.len() / 2]);
}
