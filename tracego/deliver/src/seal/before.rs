//! The end of an output file before a run appends to it.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::chain::{LINK, Link, digest, split};

/// Maximum length in bytes of a last line that is searched for.
const LINE_MAX: u64 = 64 << 20;
/// Number of bytes that are read at a time, from the end.
const STEP: u64 = 64 << 10;

/// The end of a file.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Before {
    /// SHA-256 of the last line without its newline.
    pub last: Option<[u8; LINK]>,
    /// The link that the last line carries, if the log is sealed.
    pub link: Option<Link>,
    /// Whether the last newline is missing.
    pub torn: bool,
}

impl Before {
    /// Reads the end of a file. Returns the default for a path that is missing or not a regular file.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        match path.metadata() {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Ok(Self::default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        }
        let mut file = File::open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let (mut line, mut at) = (Vec::new(), length);
        while at > 0 && length - at < LINE_MAX {
            let step = at.min(STEP);
            at -= step;
            file.seek(SeekFrom::Start(at))?;
            let mut piece = Vec::new();
            (&mut file).take(step).read_to_end(&mut piece)?;
            piece.append(&mut line);
            line = piece;
            // The newline that ends the line itself does not count.
            let inner = line.len().saturating_sub(1);
            if let Some(newline) = line[..inner].iter().rposition(|&byte| byte == b'\n') {
                line.drain(..=newline);
                at = 0;
            }
        }
        let torn = line.last().is_some_and(|&byte| byte != b'\n');
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let known = at == 0 && length > 0;
        let link = split(line).filter(|_| known && !torn).map(|parts| parts.link);
        Ok(Self { last: known.then(|| digest(line)), link, torn })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_last_line_is_found_whatever_its_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert_eq!(Before::read(&path).unwrap(), Before::default());
        let long = "x".repeat(200_000);
        for (text, last, torn) in [
            ("", None, false),
            ("a\n", Some("a"), false),
            ("a\nb\n", Some("b"), false),
            ("a\nb", Some("b"), true),
            ("\n", Some(""), false),
            (&*format!("a\n{long}\n"), Some(&*long), false),
            (&*long, Some(&*long), true),
        ] {
            fs::write(&path, text).unwrap();
            let last = last.map(|line| digest(line.as_bytes()));
            assert_eq!(
                Before::read(&path).unwrap(),
                Before { last, link: None, torn },
                "{} bytes",
                text.len()
            );
        }
        assert_eq!(Before::read(dir.path()).unwrap(), Before::default());
    }
}
