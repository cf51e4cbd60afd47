//! The file that is judged.

use std::path::Path;

use crate::{
    contents,
    digest::{Sha256Digest, sha256_of},
};

/// Bytes of a file that are read for a signature over the file itself.
const LARGEST: usize = 64 << 20;

/// A file, by digest and path.
#[derive(Clone, Copy)]
pub(crate) struct JudgedFile<'a> {
    pub(crate) digest: &'a Sha256Digest,
    /// The path, which only signatures over the file itself need; nothing if only the digest is known.
    pub(crate) path: Option<&'a Path>,
}

impl JudgedFile<'_> {
    /// Returns the content of the file, if it is the one with the digest.
    pub(crate) fn content(&self) -> Result<Vec<u8>, String> {
        let way_out = "sign an attestation of the file, or with ECDSA P-256";
        let Some(path) = self.path else {
            return Err(format!(
                "an Ed25519 signature is over the file, and only its digest is known; {way_out}"
            ));
        };
        let content = contents::read(path, LARGEST).map_err(|error| {
            format!("an Ed25519 signature is over the file, which cannot be read: {error}; {way_out}")
        })?;
        if sha256_of(&content) == *self.digest {
            Ok(content)
        } else {
            Err("the file has changed since it was hashed".to_owned())
        }
    }
}
