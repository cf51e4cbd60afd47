//! Starts a program from memory: `unnamed PROGRAM ARGUMENT…` copies it into a memfd and executes that by
//! execveat (`AT_EMPTY_PATH`), with the path of the copied file as its `argv[0]`. The memfd has the name in
//! `$UNNAMED`, or `go`.
#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test that started it")]

use std::{
    env,
    ffi::CString,
    fs::File,
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _},
        unix::ffi::OsStrExt as _,
    },
    ptr,
};

fn main() {
    let args: Vec<CString> =
        env::args_os().skip(1).map(|arg| CString::new(arg.as_bytes()).unwrap()).collect();
    let mut from = File::open(args[0].to_str().unwrap()).unwrap();
    let name = CString::new(env::var("UNNAMED").unwrap_or("go".to_owned())).unwrap();
    // SAFETY: a string that ends with a NUL.
    let memory = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    assert!(memory >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the descriptor was opened here and has no other owner.
    let mut to = unsafe { File::from_raw_fd(memory) };
    io::copy(&mut from, &mut to).unwrap();
    let argv: Vec<_> = args.iter().map(|arg| arg.as_ptr()).chain([ptr::null()]).collect();
    let variables: Vec<CString> = env::vars_os()
        .map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).unwrap())
        .collect();
    let envp: Vec<_> = variables.iter().map(|one| one.as_ptr()).chain([ptr::null()]).collect();
    let place = to.as_raw_fd();
    // SAFETY: an open file, and lists of strings that end with a null.
    unsafe {
        libc::execveat(place, c"".as_ptr(), argv.as_ptr().cast(), envp.as_ptr().cast(), libc::AT_EMPTY_PATH)
    };
    panic!("execveat: {}", io::Error::last_os_error());
}
