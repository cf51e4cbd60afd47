//! The digest by which executables are known.

use std::{
    fmt,
    io::{self, Read as _},
    path::Path,
    str::FromStr,
};

use serde::{Serialize, Serializer};

use crate::contents;

/// SHA-256 of the content of a file.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sha256Digest([u8; 32]);

/// Text that is no SHA-256 in hexadecimal.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a SHA-256 digest; it has 64 hexadecimal digits, with or without sha256: in front")]
pub struct WrongDigest;

impl Sha256Digest {
    /// Returns the digest with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest of a content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, content);
        Self::from_slice(digest.as_ref()).unwrap_or(Self([0; 32]))
    }

    /// Returns the digest of a file.
    ///
    /// # Errors
    /// Fails if the path is not that of a regular file, or if the file cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = contents::open(path)?;
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Self::from_slice(context.finish().as_ref()).unwrap_or(Self([0; 32]))),
                length => context.update(buffer.get(..length).unwrap_or_default()),
            }
        }
    }

    /// Returns the digest with these bytes; nothing if their number is wrong.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the digest in hexadecimal, or nothing if the text is anything else.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
            *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
        }
        Some(Self(bytes))
    }
}

impl FromStr for Sha256Digest {
    type Err = WrongDigest;

    fn from_str(text: &str) -> Result<Self, WrongDigest> {
        Self::from_hex(text.strip_prefix("sha256:").unwrap_or(text)).ok_or(WrongDigest)
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "sha256:{self}")
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_the_same() {
        let digest = Sha256Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(format!("{digest:?}").to_uppercase().replace("SHA256", "sha256").parse(), Ok(digest));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, &b"abc".repeat(100_000)).unwrap();
        assert_eq!(Sha256Digest::of_file(file.path()).unwrap(), Sha256Digest::of(&b"abc".repeat(100_000)));
        for wrong in ["", "ba78", "sha256:", &"zz".repeat(32), &"é".repeat(32), &format!("{digest}0")] {
            assert_eq!(wrong.parse::<Sha256Digest>(), Err(WrongDigest), "{wrong}");
        }
    }
}
