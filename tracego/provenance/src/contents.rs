//! Files of others, read with a limit.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Returns a regular file, opened to read. Opening a pipe does not wait for its other end.
///
/// # Errors
/// Fails if there is none, or if the path is of anything else.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// Returns the content of a regular file. Of one that is too large by its size, nothing is read.
///
/// # Errors
/// Fails if the file cannot be read or has more than so many bytes.
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let too_large = || io::Error::other(format!("has more than {}", size(most)));
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let file = open(path)?;
    if file.metadata()?.len() > limit {
        return Err(too_large());
    }
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() > most {
        return Err(too_large());
    }
    Ok(content)
}

/// Returns a number of bytes as it is printed.
pub(crate) fn size(bytes: usize) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_up_to_the_limit_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"1234");
        assert_eq!(read(&path, 3).unwrap_err().to_string(), "has more than 0 KiB");
        assert_eq!(read(dir.path(), 9).unwrap_err().to_string(), "not a regular file");
        read(&dir.path().join("b"), 9).unwrap_err();
    }
}
