//! fs-verity: whether the kernel keeps the content of a file from changing, and which content that is.

use std::{ffi::c_void, fs::File};

use rustix::{
    io,
    ioctl::{Ioctl, IoctlOutput, Opcode},
};
use tracego_model::input::fsverity::{FsverityAlgorithm, FsverityDigest};

/// The call `FS_IOC_MEASURE_VERITY`: `_IOWR('f', 134, struct fsverity_digest)`.
pub const MEASURE: Opcode = 0xc004_6686;

/// `struct fsverity_digest` of linux/fsverity.h, with room for the longest digest.
#[repr(C)]
struct Measurement {
    algorithm: u16,
    size: u16,
    digest: [u8; FsverityDigest::BYTES_MAX],
}

// SAFETY: the call reads the two numbers of the structure, and writes at most `size` bytes behind them.
unsafe impl Ioctl for Measurement {
    type Output = Option<FsverityDigest>;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        MEASURE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, measured: *mut c_void) -> io::Result<Self::Output> {
        // SAFETY: the pointer is the one that `as_ptr` returned.
        let measured = unsafe { &*measured.cast::<Self>() };
        let algorithm = FsverityAlgorithm::from_raw(measured.algorithm);
        let digest = measured.digest.get(..usize::from(measured.size));
        Ok(algorithm.zip(digest).and_then(|(algorithm, digest)| FsverityDigest::new(algorithm, digest)))
    }
}

/// Returns the fs-verity digest of an open file; `None` if the file has no fs-verity, or its file system or the kernel does
/// not know it.
#[must_use]
pub fn measure(file: &File) -> Option<FsverityDigest> {
    let size = u16::try_from(FsverityDigest::BYTES_MAX).ok()?;
    let room = Measurement { algorithm: 0, size, digest: [0; FsverityDigest::BYTES_MAX] };
    // SAFETY: the call works on the structure alone.
    unsafe { rustix::ioctl::ioctl(file, room) }.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_fs_verity_has_no_digest() {
        assert_eq!(measure(&tempfile::tempfile().unwrap()), None);
        assert_eq!(measure(&File::open("/proc/self/status").unwrap()), None);
    }
}
