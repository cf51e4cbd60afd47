//! The digests by which executables are known.

use std::{
    io::{self, Read as _},
    path::Path,
};

use ring::digest::{Context, Digest, SHA256};
pub use tracego_model::input::digest::Sha256Digest;

use crate::contents;

/// Returns the SHA-256 of a content.
#[must_use]
pub fn sha256_of(content: &[u8]) -> Sha256Digest {
    of_ring(&ring::digest::digest(&SHA256, content))
}

/// Returns the SHA-256 of a file.
///
/// # Errors
/// Fails if the path is not that of a regular file, or if the file cannot be read.
pub fn sha256_of_file(path: &Path) -> io::Result<Sha256Digest> {
    let mut file = contents::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(of_ring(&context.finish())),
            length => context.update(buffer.get(..length).unwrap_or_default()),
        }
    }
}

fn of_ring(digest: &Digest) -> Sha256Digest {
    // A SHA-256 of ring has 32 bytes.
    digest.as_ref().try_into().unwrap_or(Sha256Digest([0; 32]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_of_its_content() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(b"abc").to_string(), known);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, &b"abc".repeat(100_000)).unwrap();
        assert_eq!(sha256_of_file(file.path()).unwrap(), sha256_of(&b"abc".repeat(100_000)));
        assert!(sha256_of_file(Path::new("/dev/zero")).is_err());
    }
}
