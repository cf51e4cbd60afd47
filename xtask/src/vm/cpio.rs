//! The archive that Linux unpacks into memory as its first file system.
//!
//! Format: newc, Documentation/driver-api/early-userspace/buffer-format.rst of Linux.

use std::io::{self, Write};

/// Types of files in a mode (inode(7)).
pub(super) const FOLDER: u32 = 0o040_000;
pub(super) const FILE: u32 = 0o100_000;
pub(super) const LINK: u32 = 0o120_000;

/// A writer of an archive whose entries all belong to root.
pub(super) struct Archive<W> {
    to: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, entries: 0 }
    }

    /// Adds an entry. The folder that holds it must come first. `name` has no leading slash.
    pub(super) fn add(&mut self, name: &[u8], mode: u32, content: &[u8]) -> io::Result<()> {
        self.entries += 1;
        let number = |len: usize| u32::try_from(len).map_err(|_| io::Error::other("a file of 4 GiB or more"));
        let (size, name_size) = (number(content.len())?, number(name.len() + 1)?);
        // Fields: inode, mode, user, group, links, time, size, device and device of a node (two words each),
        // length of the name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        let mut head = b"070701".to_vec();
        for field in fields {
            write!(head, "{field:08X}")?;
        }
        head.extend(name);
        head.push(0);
        self.padded(&head)?;
        self.padded(content)
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.add(b"TRAILER!!!", 0, b"")?;
        self.to.flush()
    }

    /// Writes the bytes and pads them to a multiple of four.
    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        let rest = bytes.len().next_multiple_of(4) - bytes.len();
        self.to.write_all(&[0; 3][..rest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_padded_and_the_end_is_marked() {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        archive.add(b"a", FILE | 0o644, b"xyz12").unwrap();
        archive.finish().unwrap();
        assert_eq!(&bytes[..22], b"07070100000001000081A4");
        // 110 bytes of head, two of name, eight for five bytes of content.
        assert_eq!(&bytes[110..120], b"a\0xyz12\0\0\0");
        assert_eq!(&bytes[120..126], b"070701");
        assert!(bytes.len().is_multiple_of(4) && bytes.ends_with(b"TRAILER!!!\0\0\0\0"));
    }
}
