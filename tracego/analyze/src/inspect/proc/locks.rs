//! Locks on files, from /proc/locks (proc_locks(5)).

use std::collections::HashSet;

use super::{procfs::Procfs, read_error::ReadError, root::FileId};

/// Maximum number of bytes of /proc/locks: some 16,000 locks.
const LOCKS_MAX: u64 = 1 << 20;

/// Files on which a process holds a lock: major, minor and inode number.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Locks(HashSet<(u32, u32, u64)>);

impl Locks {
    /// Reads all locks.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is too large.
    pub fn read(procfs: &Procfs) -> Result<Self, ReadError> {
        Ok(Self::parse(&procfs.read("locks", LOCKS_MAX)?))
    }

    /// Parses the text of /proc/locks: the device as `major:minor` in hexadecimal, then the inode.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let file = |line: &str| {
            let mut parts = line.split_ascii_whitespace().nth(5)?.split(':');
            let major = u32::from_str_radix(parts.next()?, 16).ok()?;
            let minor = u32::from_str_radix(parts.next()?, 16).ok()?;
            Some((major, minor, parts.next()?.parse().ok()?))
        };
        Self(text.lines().filter(|line| is_held(line)).filter_map(file).collect())
    }

    /// Returns whether a process holds a lock on a file. Some file systems (btrfs, overlayfs) report another
    /// device to stat(2) than their locks have; on those the inode alone decides.
    #[must_use]
    pub fn holds(&self, file: FileId) -> bool {
        let (major, minor) = (rustix::fs::major(file.device), rustix::fs::minor(file.device));
        self.0.contains(&(major, minor, file.inode))
            || (major == 0 && self.0.iter().any(|&(major, _, inode)| major == 0 && inode == file.inode))
    }
}

/// Returns whether a line is a held lock: not a waiting one (`->`), and no lease or delegation.
pub(super) fn is_held(line: &str) -> bool {
    let kind = line.split_ascii_whitespace().nth(1);
    matches!(kind, Some("POSIX" | "FLOCK" | "OFDLCK"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_locks_are_known_by_device_and_inode() {
        let locks = Locks::parse(
            b"1: POSIX  ADVISORY  WRITE 1234 fe:00:42 0 EOF\n\
              1: -> POSIX  ADVISORY  WRITE 99 fe:00:43 0 EOF\n\
              2: OFDLCK ADVISORY  WRITE -1 00:1f:7 0 EOF\n\
              3: LEASE  ACTIVE    READ 5 fe:00:44 0 EOF\n\
              4: FLOCK  ADVISORY",
        );
        let id = |major, minor, inode| FileId { device: rustix::fs::makedev(major, minor), inode };
        assert!(locks.holds(id(0xfe, 0, 42)));
        assert!(!locks.holds(id(0xfe, 1, 42)));
        assert!(!locks.holds(id(0xfe, 0, 43)));
        assert!(!locks.holds(id(0xfe, 0, 44)));
        assert!(locks.holds(id(0, 0x1f, 7)));
        assert!(locks.holds(id(0, 0x2a, 7)), "the device of a btrfs subvolume");
    }
}
