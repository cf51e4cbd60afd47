//! Files by their inode number: the way to an executable of a mounted file system whose path leads to no file of
//! tracego's own mount namespace. Examples are a folder of the host that a container had mounted, and a root folder
//! of a container that is gone.

use std::{
    fs::{File, Metadata},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _},
        unix::fs::MetadataExt as _,
    },
    path::Path,
};

use rustix::fs::{CWD, Mode, OFlags, fstatfs, openat};
use tracego_model::input::note::OpenFailure;

use super::executable::{self, OpenedFile};

/// File systems that find a file by its inode number alone: in a handle of the generation 0, the generation is not
/// compared (`ext4_nfs_get_inode`, `f2fs_nfs_get_inode`). Files without a name are not found.
const KINDS: [u64; 2] = [
    0xef53,      // ext2, ext3, ext4
    0xf2f5_2010, // F2FS
];

/// The handle of a file for `open_by_handle_at(2)`, of the type `FILEID_INO32_GEN`.
#[repr(C)]
struct FileHandle {
    bytes: u32,
    kind: i32,
    inode: u32,
    generation: u32,
}

/// Opens a file of a file system, if it passes the check. `mount`: a folder where the file system is mounted.
/// Needs `CAP_DAC_READ_SEARCH` in the first user namespace.
pub(super) fn below(
    mount: &Path,
    inode: u64,
    device: u32,
    same: impl Fn(&Metadata) -> bool,
) -> Result<OpenedFile, OpenFailure> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let mount = File::from(openat(CWD, mount, flags, Mode::empty()).map_err(io::Error::from)?);
    // Something else may be mounted over it.
    if executable::device(mount.metadata()?.dev()) != Some(device) {
        return Err(OpenFailure::Gone);
    }
    let kind = fstatfs(&mount).map_err(io::Error::from)?.f_type.cast_unsigned() & 0xffff_ffff;
    let (Ok(inode), true) = (u32::try_from(inode), KINDS.contains(&kind)) else {
        return Err(OpenFailure::Gone);
    };
    // A descriptor of O_PATH does not suffice.
    let link = format!("/proc/self/fd/{}", mount.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mount = openat(CWD, link, flags, Mode::empty()).map_err(io::Error::from)?;
    let handle = FileHandle { bytes: 8, kind: 1, inode, generation: 0 };
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: the handle has the layout of `struct file_handle` and the number of bytes that it states; the kernel
    // only reads it. The returned descriptor is owned by the file.
    let place = unsafe {
        let opened = libc::syscall(libc::SYS_open_by_handle_at, mount.as_raw_fd(), &raw const handle, flags);
        match i32::try_from(opened) {
            Ok(opened) if opened >= 0 => File::from_raw_fd(opened),
            _ => return Err(refused(&io::Error::last_os_error())),
        }
    };
    // A number says little: the file may have been removed, and another one have its number by now.
    executable::checked_place(&place, same).map_err(|failure| match failure {
        OpenFailure::Changed | OpenFailure::NotRegular => OpenFailure::Gone,
        other => other,
    })
}

/// Returns why no file was found. A missing capability is no reason of the file's: without it, the way does not
/// exist.
fn refused(error: &io::Error) -> OpenFailure {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS | libc::EOPNOTSUPP | libc::EINVAL) => OpenFailure::Gone,
        code => OpenFailure::from(io::Error::from_raw_os_error(code.unwrap_or_default())),
    }
}
