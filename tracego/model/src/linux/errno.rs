//! Names of the error numbers that execve(2) returns.

/// Returns the name of an error number, as in errno(3). Returns `"unknown"` for others; the number stands
/// beside it.
#[must_use]
pub fn name(errno: u32) -> &'static str {
    const NAMES: [(i32, &str); 24] = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::EINTR, "EINTR"),
        (libc::EIO, "EIO"),
        (libc::E2BIG, "E2BIG"),
        (libc::ENOEXEC, "ENOEXEC"),
        (libc::EBADF, "EBADF"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EISDIR, "EISDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENFILE, "ENFILE"),
        (libc::EMFILE, "EMFILE"),
        (libc::ETXTBSY, "ETXTBSY"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ELOOP, "ELOOP"),
        (libc::ELIBBAD, "ELIBBAD"),
        (libc::ESTALE, "ESTALE"),
        (libc::ENOKEY, "ENOKEY"),
    ];
    NAMES.iter().find(|&&(number, _)| u32::try_from(number) == Ok(errno)).map_or("unknown", |&(_, name)| name)
}
