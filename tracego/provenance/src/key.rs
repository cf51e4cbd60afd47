//! Public keys of the operator.

use std::path::{Path, PathBuf};

use sigstore_verify::{
    crypto::{KeyAlgorithm, VerificationKey},
    types::DerPublicKey,
};

use crate::{
    contents,
    digest::{Sha256Digest, sha256_of},
};

/// Bytes of a file with a key that are read.
const LARGEST: usize = 64 << 10;

/// Whether a signature by a key has to be in a transparency log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogDemand {
    /// A signature without log entry is accepted; an entry that is there has to hold.
    #[default]
    Optional,
    /// A signature without log entry is incomplete.
    Required,
}

/// A key with its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedKey {
    /// The name in judgements.
    pub name: String,
    /// File with the public key in PEM.
    pub path: PathBuf,
    /// Whether signatures have to be in a log.
    pub log: LogDemand,
}

/// Reason why a key is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
    /// The file holds a private key.
    #[error("{0}: a private key; write the public one with openssl pkey -in KEY -pubout")]
    Private(PathBuf),
    /// The file holds something else.
    #[error("{path}: not a public key in PEM: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: String,
    },
    /// The key is of another kind.
    #[error("{path}: a key of kind {kind}; make one of ECDSA P-256 or Ed25519")]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// The kind.
        kind: String,
    },
}

/// A key that was read.
pub(crate) struct ManagedKey {
    pub(crate) name: String,
    pub(crate) log: LogDemand,
    pub(crate) public: DerPublicKey,
    pub(crate) verifier: VerificationKey,
    /// Digest of the encoded key, which bundles have as its hint.
    pub(crate) fingerprint: Sha256Digest,
}

impl ManagedKey {
    /// Reads the file of a key.
    pub(crate) fn read(named: &NamedKey) -> Result<Self, KeyProblem> {
        let path = named.path.clone();
        let content = contents::read(&path, LARGEST)
            .map_err(|error| KeyProblem::Unreadable { path: path.clone(), error })?;
        let text = String::from_utf8_lossy(&content);
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyProblem::Private(path));
        }
        let malformed = |error: String| KeyProblem::Malformed { path: path.clone(), error };
        let keys = text.matches("-----BEGIN ").count();
        if keys > 1 {
            return Err(malformed(format!("it holds {keys} keys; give each a file of its own")));
        }
        let public = DerPublicKey::from_pem(&text).map_err(|error| malformed(error.to_string()))?;
        let kind = KeyAlgorithm::from_spki(&public).map_err(|error| malformed(error.to_string()))?;
        if !matches!(kind, KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519) {
            return Err(KeyProblem::OtherKind { path, kind: format!("{kind:?}") });
        }
        let verifier = VerificationKey::from_spki(&public).map_err(|error| malformed(error.to_string()))?;
        let fingerprint = sha256_of(public.as_bytes());
        Ok(Self { name: named.name.clone(), log: named.log, public, verifier, fingerprint })
    }

    /// Whether a bundle with this hint was made by this key, as far as the hint says.
    pub(crate) fn has_hint(&self, hint: &str) -> bool {
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, self.fingerprint.0);
        hint == base64 || hint.eq_ignore_ascii_case(&self.fingerprint.to_string())
    }

    /// Whether the key signs digests, so that the file itself is not needed.
    pub(crate) fn signs_digests(&self) -> bool {
        self.verifier.scheme().supports_prehashed()
    }
}

/// Returns the keys in their order.
pub(crate) fn read_all(named: &[NamedKey]) -> Result<Vec<ManagedKey>, KeyProblem> {
    named.iter().map(ManagedKey::read).collect()
}

/// Whether a file is a public key that can be used.
pub(crate) fn check(path: &Path) -> Result<(), KeyProblem> {
    ManagedKey::read(&NamedKey { name: String::new(), path: path.to_owned(), log: LogDemand::Optional })
        .map(drop)
}

impl NamedKey {
    /// Checks that the file holds a key that can be used.
    ///
    /// # Errors
    /// Fails if it does not.
    pub fn check(&self) -> Result<(), KeyProblem> {
        check(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_two_keys_is_refused() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                   -----END PUBLIC KEY-----\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        check(file.path()).unwrap();
        std::fs::write(file.path(), pem.repeat(2)).unwrap();
        let error = check(file.path()).unwrap_err().to_string();
        assert!(error.contains("it holds 2 keys; give each a file of its own"), "{error}");
    }
}
