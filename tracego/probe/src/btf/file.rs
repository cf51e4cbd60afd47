//! The bytes of the running kernel's type information.

use std::{
    fs::{self, File},
    io,
    ops::Deref,
    os::fd::AsFd as _,
    ptr::NonNull,
    slice,
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::BTF_PATH;

/// Type of sysfs (include/uapi/linux/magic.h).
const SYSFS_MAGIC: rustix::fs::FsWord = 0x6265_6572;

/// The kernel's type information: mapped where the kernel allows it, otherwise read.
pub struct BtfFile(Bytes);

enum Bytes {
    /// Read-only pages of the kernel, which never change.
    Mapped(NonNull<u8>, usize),
    Read(Vec<u8>),
}

impl BtfFile {
    /// Opens the type information of the running kernel.
    ///
    /// # Errors
    /// Fails if the kernel has none, or if it cannot be read.
    pub fn open() -> io::Result<Self> {
        let file = File::open(BTF_PATH)?;
        let mapped = Self::map(&file);
        mapped.map_or_else(|| fs::read(BTF_PATH).map(|bytes| Self(Bytes::Read(bytes))), Ok)
    }

    fn map(file: &File) -> Option<Self> {
        // Another file could shrink while it is mapped.
        if rustix::fs::fstatfs(file).ok()?.f_type != SYSFS_MAGIC {
            return None;
        }
        let len = usize::try_from(file.metadata().ok()?.len()).ok().filter(|&len| len > 0)?;
        // SAFETY: a new mapping at an address of the kernel's choice; nothing else is there.
        let start = unsafe {
            mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, file.as_fd(), 0).ok()?
        };
        Some(Self(Bytes::Mapped(NonNull::new(start.cast())?, len)))
    }
}

impl Deref for BtfFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            // SAFETY: mapped by `map` with this length as long as `self` lives. The file has this size, its pages are
            // part of the kernel's image, and nobody can write to them.
            Bytes::Mapped(start, len) => unsafe { slice::from_raw_parts(start.as_ptr(), *len) },
            Bytes::Read(bytes) => bytes,
        }
    }
}

impl Drop for BtfFile {
    fn drop(&mut self) {
        if let Bytes::Mapped(start, len) = self.0 {
            // SAFETY: mapped by `map`, and no reference is left. An error leaves it mapped.
            let _done = unsafe { munmap(start.as_ptr().cast(), len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_and_read_bytes_are_the_same() {
        let Ok(read) = fs::read(BTF_PATH) else {
            eprintln!("skipped: this kernel has no BTF");
            return;
        };
        assert!(*BtfFile::open().unwrap() == *read);
    }
}
