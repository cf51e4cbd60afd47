//! The lines of a file that is still written, across its rotations.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use tracego_report::wire::LINE_MAX;

/// Size of one read in bytes.
const READ: usize = 64 << 10;

/// A file that is followed by name: when another file has the name, what is left of the old one is read first.
pub(super) struct FollowedFile {
    path: PathBuf,
    open: Option<(File, u64)>,
    /// Bytes that were read and not returned.
    bytes: Vec<u8>,
    /// Beginning of the next line in `bytes`.
    at: usize,
    /// Place up to which `bytes` has no end of a line.
    searched: usize,
    number: u64,
    /// Whether the line is too long, so that its rest is passed over.
    is_too_long: bool,
}

impl FollowedFile {
    /// Creates a reader from the beginning of a file, which may be missing yet.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            open: None,
            bytes: Vec::new(),
            at: 0,
            searched: 0,
            number: 0,
            is_too_long: false,
        }
    }

    /// Returns the next whole line with its number; `None` while there is none.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(super) fn next_line(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        loop {
            if let Some(end) = memchr(&self.bytes[self.searched..]).map(|end| self.searched + end) {
                let line = self.bytes[self.at..end].to_vec();
                (self.at, self.searched) = (end + 1, end + 1);
                self.number += 1;
                if std::mem::take(&mut self.is_too_long) {
                    continue;
                }
                return Ok(Some((line, self.number)));
            }
            self.bytes.drain(..self.at);
            self.at = 0;
            if self.bytes.len() > LINE_MAX {
                self.bytes.clear();
                self.is_too_long = true;
            }
            self.searched = self.bytes.len();
            if !self.read()? && !self.reopen()? {
                return Ok(None);
            }
        }
    }

    /// Reads on. Returns whether there was more.
    fn read(&mut self) -> io::Result<bool> {
        let Some((file, _)) = &mut self.open else { return Ok(false) };
        let begin = self.bytes.len();
        self.bytes.resize(begin + READ, 0);
        let read = file.read(&mut self.bytes[begin..]);
        self.bytes.truncate(begin + *read.as_ref().unwrap_or(&0));
        Ok(read? > 0)
    }

    /// Opens the file that has the name now, if it is another one or was emptied. Returns whether it did.
    fn reopen(&mut self) -> io::Result<bool> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_same = match &mut self.open {
            Some((file, inode)) => {
                let read = io::Seek::stream_position(file)?;
                *inode == metadata.ino() && metadata.len() >= read
            }
            None => false,
        };
        if is_same {
            return Ok(false);
        }
        let file = File::open(&self.path)?;
        let inode = file.metadata()?.ino();
        self.open = Some((file, inode));
        // A line that was not ended never will be.
        self.bytes.clear();
        (self.at, self.searched, self.number) = (0, 0, 0);
        Ok(true)
    }
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_are_followed_across_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.json");
        let mut followed = FollowedFile::new(&path);
        let mut next = || followed.next_line().unwrap().map(|(line, _)| String::from_utf8(line).unwrap());
        assert_eq!(next(), None);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!((next(), next()), (Some("one".into()), None));
        file.write_all(b"o\n").unwrap();
        fs::rename(&path, folder.path().join("records.json.1")).unwrap();
        file.write_all(b"three\n").unwrap();
        fs::write(&path, "four\n").unwrap();
        let rest = [next(), next(), next(), next()];
        assert_eq!(rest, [Some("two".into()), Some("three".into()), Some("four".into()), None]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = vec![b'x'; LINE_MAX + 2 * READ];
        fs::write(file.path(), [&long, &b"\nshort\n"[..]].concat()).unwrap();
        let mut followed = FollowedFile::new(file.path());
        assert_eq!(followed.next_line().unwrap(), Some((b"short".to_vec(), 2)));
    }
}
