//! The file of the private key.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use tracego_attest::signing_key::SigningKey;

use crate::cli::wrong_usage;

/// Maximum size of a key file in bytes. A real one has about 250.
const FILE_MAX: u64 = 64 << 10;

/// Reads a private key that only its owner can read.
///
/// # Errors
/// Fails if the file cannot be read, is accessible to others, or is no key that signs.
pub(super) fn read(path: &Path) -> anyhow::Result<SigningKey> {
    let read = || -> io::Result<(u32, String)> {
        let file = File::open(path)?;
        // The mode of the opened file, since the name could refer to another file by now.
        let mode = file.metadata()?.mode();
        let mut text = String::new();
        file.take(FILE_MAX).read_to_string(&mut text)?;
        Ok((mode, text))
    };
    let (mode, text) = match read() {
        Ok(read) => read,
        Err(error) => wrong_usage!("--key {}: {error}", path.display()),
    };
    if mode & 0o077 != 0 {
        let mode = mode & 0o777;
        wrong_usage!("--key {}: others may read or change it (mode {mode:03o}): chmod 600", path.display());
    }
    match SigningKey::parse(&text) {
        Ok(key) => Ok(key),
        Err(error) => wrong_usage!("--key {}: {error}", path.display()),
    }
}
