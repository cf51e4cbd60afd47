//! The lines of a file that is still written, across its rotations.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::line_buffer::LineBuffer;

/// A file that is followed by name: when another file has the name, what is left of the old one is read first.
pub(super) struct FollowedFile {
    path: PathBuf,
    open: Option<(File, u64)>,
    lines: LineBuffer,
}

impl FollowedFile {
    /// Creates a reader from the beginning of a file, which may be missing yet.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, lines: LineBuffer::default() }
    }

    /// Returns the next whole line with its number; `None` while there is none.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(super) fn next_line(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return Ok(Some(line));
            }
            if !self.read()? && !self.reopen()? {
                return Ok(None);
            }
        }
    }

    /// Reads on. Returns whether there was more.
    fn read(&mut self) -> io::Result<bool> {
        let Some((file, _)) = &mut self.open else { return Ok(false) };
        Ok(self.lines.read_from(file)? > 0)
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
        self.lines = LineBuffer::default();
        Ok(true)
    }
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
}
