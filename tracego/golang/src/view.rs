//! Bounded access to the bytes of a file.

use std::{cell::Cell, fmt::Write as _, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Maximum number of bytes read of a file in total.
pub const TOTAL_MAX: u64 = 16 << 20;
/// Number of bytes at the start and at the end that enter the hash.
const EDGE: u64 = 4096;

/// Times of a file, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileTimes {
    /// Time at which the file was created, if its file system keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_ns: Option<u64>,
    /// Time at which its content was modified. Any owner of the file can set it.
    pub modified_ns: u64,
}

/// A source of bytes.
pub trait Source {
    /// Returns the size of the file in bytes.
    fn size(&self) -> u64;

    /// Fills the buffer with the bytes at an offset.
    ///
    /// # Errors
    /// Fails if the bytes cannot be read or the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Returns the times of the file; `None` if the source is no file.
    fn times(&self) -> Option<FileTimes> {
        None
    }
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        let bytes = from.and_then(|from| from.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

/// Why a part of a file is unavailable.
#[derive(Debug)]
pub(super) enum Fault {
    /// The source failed.
    Io(io::Error),
    /// The file does not follow its format.
    Damaged,
}

/// A file, its first and last bytes, and the number of bytes that may still be read.
pub(super) struct View<'a> {
    source: &'a dyn Source,
    size: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    left: Cell<u64>,
}

impl<'a> View<'a> {
    /// Reads the first and the last bytes.
    pub(super) fn new(source: &'a dyn Source) -> io::Result<Self> {
        let size = source.size();
        let edge = |offset, length: u64| {
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            source.read_exact_at(&mut bytes, offset).map(|()| bytes)
        };
        let length = size.min(EDGE);
        let head = edge(0, length)?;
        let tail = if length == size { head.clone() } else { edge(size - length, length)? };
        Ok(Self { source, size, head, tail, left: Cell::new(TOTAL_MAX) })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the first bytes, at most 4096.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Returns the last bytes, at most 4096.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Returns the SHA-256 of head, tail and size (8 bytes, big-endian), cut to 16 bytes, in hexadecimal.
    pub(super) fn htlhash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.head);
        hash.update(&self.tail);
        hash.update(self.size.to_be_bytes());
        hex(hash.finalize().get(..16).unwrap_or_default())
    }

    /// Fills the buffer with the bytes at an offset.
    pub(super) fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<(), Fault> {
        let length = buffer.len() as u64;
        let end = offset.checked_add(length).filter(|&end| end <= self.size).ok_or(Fault::Damaged)?;
        let left = self.left.get().checked_sub(length).ok_or(Fault::Damaged)?;
        self.left.set(left);
        if end <= self.head.len() as u64 {
            // Both numbers fit, because the head is in memory.
            let range = usize::try_from(offset).unwrap_or_default()..usize::try_from(end).unwrap_or_default();
            buffer.copy_from_slice(self.head.get(range).ok_or(Fault::Damaged)?);
            return Ok(());
        }
        self.source.read_exact_at(buffer, offset).map_err(Fault::Io)
    }

    /// Reads `length` bytes at an offset. Fails if that is more than `most`.
    pub(super) fn bytes(&self, offset: u64, length: u64, most: u64) -> Result<Vec<u8>, Fault> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.size);
        if length > most || !inside || length > self.left.get() {
            return Err(Fault::Damaged);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Fault::Damaged)?];
        self.fill(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// Converts bytes to hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _taken = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python: hashlib.sha256(f[:4096] + f[-4096:] + struct.pack(">Q", len(f))).hexdigest()[:32].
    #[test]
    fn the_hash_is_that_of_the_conventions() {
        let hash = |bytes: &[u8]| View::new(&bytes).unwrap().htlhash();
        assert_eq!(hash(b""), "af5570f5a1810b7af78caf4bc70a660f");
        assert_eq!(hash(b"abc"), "a7e79e8a85da69bad5c3fea209342ac9");
        let long: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        assert_eq!(hash(&long), "29e3194e821b97b5565d43a5156ad97a");
    }

    #[test]
    fn nothing_outside_the_file_and_nothing_beyond_the_cap_is_read() {
        let bytes: &[u8] = &[7; 5000];
        let view = View::new(&bytes).unwrap();
        assert_eq!(view.bytes(4990, 10, 10).unwrap(), [7; 10]);
        for (offset, length, most) in [(4990, 11, 100), (u64::MAX, 2, 100), (0, 11, 10)] {
            assert!(matches!(view.bytes(offset, length, most), Err(Fault::Damaged)));
        }
    }

    #[test]
    fn the_sum_of_all_reads_has_an_end() {
        let bytes: &[u8] = &[7; 1 << 20];
        let view = View::new(&bytes).unwrap();
        let reads = (0..100).take_while(|_| view.bytes(0, 1 << 20, 1 << 20).is_ok()).count() as u64;
        assert_eq!(reads, TOTAL_MAX >> 20);
    }
}
