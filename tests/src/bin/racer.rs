//! Starts a program many times while another thread changes its second argument: `racer PROGRAM COUNT
//! [race]`. Without `race` the argument does not change. Prints how many starts were refused, killed, and
//! succeeded.
#![expect(clippy::print_stdout, reason = "its output is what the test reads")]

use std::{
    ffi::CString,
    sync::atomic::{AtomicU8, Ordering},
    thread,
};

/// The word "run", whose middle letter changes.
static ARGUMENT: [AtomicU8; 4] =
    [AtomicU8::new(b'r'), AtomicU8::new(b'i'), AtomicU8::new(b'n'), AtomicU8::new(0)];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (Some(program), Some(count)) = (args.get(1), args.get(2).and_then(|count| count.parse::<u32>().ok()))
    else {
        std::process::exit(2)
    };
    let race = args.get(3).is_some();
    let Ok(program) = CString::new(program.as_str()) else { std::process::exit(2) };
    let (mut refused, mut killed, mut well) = (0, 0, 0);
    for _ in 0..count {
        // SAFETY: this process has one thread, so the child may do anything.
        let child = unsafe { libc::fork() };
        if child == 0 {
            start(&program, race);
        }
        let mut status = 0;
        // SAFETY: `status` is writable.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        match status {
            0 => well += 1,
            status if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL => killed += 1,
            status if libc::WEXITSTATUS(status) == 77 => refused += 1,
            _ => {}
        }
    }
    println!("refused {refused} killed {killed} well {well}");
}

fn start(program: &CString, race: bool) -> ! {
    if race {
        thread::spawn(|| {
            loop {
                ARGUMENT[1].store(b'u', Ordering::Relaxed);
                ARGUMENT[1].store(b'i', Ordering::Relaxed);
            }
        });
        // Waits for the first change, so that both values are likely.
        while ARGUMENT[1].load(Ordering::Relaxed) == b'i' {
            std::hint::spin_loop();
        }
    }
    let argv = [program.as_ptr(), ARGUMENT.as_ptr().cast(), std::ptr::null()];
    // SAFETY: strings that end with a NUL, in a list that ends with a null.
    unsafe { libc::execv(program.as_ptr(), argv.as_ptr()) };
    let refused = std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
    // SAFETY: no part of this process needs an orderly end.
    unsafe { libc::_exit(if refused { 77 } else { 1 }) }
}
