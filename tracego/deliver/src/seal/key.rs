//! Keys for seals: an Ed25519 key that never changes, as made by `openssl genpkey -algorithm ed25519`, or an
//! [evolving](super::evolving) one.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};

use tracego_model::record::seal::{ChainStart, KeyEpoch};

use super::{
    chain::{Link, digest, hex, unhex},
    evolving::EvolvingKey,
};

/// Length of a signature in bytes.
pub const SIGNATURE: usize = 64;
/// Prefix of the signed bytes, so that a signature is valid for nothing but a seal.
const DOMAIN: &[u8] = b"tracego.seal.signature/1\n";
/// Maximum size of a key file in bytes. A real one has about 120.
const FILE_MAX: u64 = 64 << 10;

/// A private key, which signs seals.
pub struct Key(Signer);

enum Signer {
    Fixed(Box<SigningKey>),
    Evolving(Arc<EvolvingKey>),
}

impl Key {
    /// Reads a private key: PEM (PKCS#8), or the file of an evolving key. `log`: the output whose seals it
    /// signs; an evolving key signs those of one output.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is no such key, is accessible to others than its owner, or is an
    /// evolving key that another output uses.
    pub fn read(path: &Path, log: &Path) -> anyhow::Result<Self> {
        let mut file = private_file(path)?;
        if EvolvingKey::is_one(&file)? {
            return Ok(Self(Signer::Evolving(EvolvingKey::open(path, log)?)));
        }
        Ok(Self(Signer::Fixed(Box::new(fixed_key(&mut file)?))))
    }

    /// Checks that [`Self::read`] can read the file, which is not locked and not changed.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does, but for an evolving key that another output uses.
    pub fn check(path: &Path) -> anyhow::Result<()> {
        let mut file = private_file(path)?;
        if EvolvingKey::is_one(&file)? {
            return EvolvingKey::check(&file);
        }
        fixed_key(&mut file).map(drop)
    }

    /// Creates a key from the 32 bytes of its secret.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Signer::Fixed(Box::new(SigningKey::from_bytes(&bytes))))
    }

    /// Signs a link, and with it all lines up to there.
    #[must_use]
    pub fn sign(&self, link: Link) -> [u8; SIGNATURE] {
        match &self.0 {
            Signer::Fixed(key) => sign(key, link),
            Signer::Evolving(key) => sign(&key.signing_key(), link),
        }
    }

    /// Returns the public half of the key that signs now.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Signer::Fixed(key) => key.verifying_key(),
            Signer::Evolving(key) => key.signing_key().verifying_key(),
        })
    }

    /// Returns the epoch to be named in the next signed record; `None` for a key that never changes.
    #[must_use]
    pub fn epoch(&self) -> Option<KeyEpoch> {
        match &self.0 {
            Signer::Fixed(_) => None,
            Signer::Evolving(key) => Some(key.epoch()),
        }
    }

    /// Adds the key, and the place of the run behind the one before, to the first record of a run.
    pub fn open_run(&self, start: &mut ChainStart) {
        start.key = Some(self.public().id());
        if let Signer::Evolving(key) = &self.0 {
            start.epoch = Some(key.epoch());
            let (run, head) = key.next_run();
            (start.run, start.previous) = (Some(run), head.map(Link::text));
        }
    }

    /// Begins the next epoch and erases the key of this one, because a signed record with this link is in the
    /// log. `opens`: whether the record opens a run. Does nothing for a key that never changes.
    pub fn advance(&self, link: Link, opens: bool) {
        let Signer::Evolving(key) = &self.0 else { return };
        if let Err(error) = key.advance(link, opens) {
            tracing::error!(%error, "the key of the seals cannot be changed, and can forge earlier seals");
        }
    }
}

/// Opens the file of a private key.
fn private_file(path: &Path) -> anyhow::Result<fs::File> {
    let file = fs::File::open(path)?;
    // The mode of the opened file, since the name could refer to another file by now.
    let mode = file.metadata()?.mode();
    if mode & 0o077 != 0 {
        bail!("others may read or change it (mode {:03o}): chmod 600", mode & 0o777);
    }
    Ok(file)
}

/// Reads a key that never changes.
fn fixed_key(file: &mut fs::File) -> anyhow::Result<SigningKey> {
    SigningKey::from_pkcs8_pem(&text(file)?).ok().context(
        "not an Ed25519 private key in PEM; `openssl genpkey -algorithm ed25519 -out FILE` makes one, and \
         `tracego seal-key FILE` one that evolves",
    )
}

fn sign(key: &SigningKey, link: Link) -> [u8; SIGNATURE] {
    key.sign(&message(link)).to_bytes()
}

/// A public key, which verifies signatures.
#[derive(Clone, Debug)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a public key in PEM, as written by `openssl pkey -pubout`, or as 64 hexadecimal digits.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is no such key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = text(&mut fs::File::open(path)?)?;
        let key = VerifyingKey::from_public_key_pem(&text).ok().map(Self);
        key.or_else(|| Self::from_hex(text.trim())).context(
            "not an Ed25519 public key in PEM; `openssl pkey -in PRIVATE -pubout -out FILE` makes one",
        )
    }

    /// Reads a public key from 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        VerifyingKey::from_bytes(&unhex(digits.as_bytes())?).ok().map(Self)
    }

    /// Returns the key as 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(self.0.as_bytes())
    }

    /// Returns the key in PEM, as [`read`](Self::read) takes it.
    ///
    /// # Errors
    /// Fails if the key cannot be encoded.
    pub fn to_pem(&self) -> io::Result<String> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(io::Error::other)
    }

    /// Whether the owner of this key signed the link. Keys and signatures that are valid for many messages
    /// are rejected.
    #[must_use]
    pub fn verifies(&self, link: Link, signature: &[u8; SIGNATURE]) -> bool {
        self.0.verify_strict(&message(link), &Signature::from_bytes(signature)).is_ok()
    }

    /// Returns the id of the key: the first 8 bytes of the SHA-256 of its 32 bytes, in hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&digest(self.0.as_bytes())[..8])
    }
}

impl From<&SigningKey> for PublicKey {
    fn from(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }
}

fn message(link: Link) -> Vec<u8> {
    [DOMAIN, &link.0].concat()
}

fn text(file: &mut fs::File) -> anyhow::Result<String> {
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use super::*;

    /// A key pair made by OpenSSL 3.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIDFAwXN2k7CSp7z0iht4VO9+7fPBo2jZrkVRjm6F5SyV\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAPGHYo5tliduFJvG7mTlt4B1XFHSKYv3ArtCTOAeioKw=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn keys_of_openssl_are_read_and_fit_together() {
        let dir = tempfile::tempdir().unwrap();
        let (private, public) = (dir.path().join("private"), dir.path().join("public"));
        fs::write(&private, PRIVATE).unwrap();
        fs::write(&public, PUBLIC).unwrap();
        fs::set_permissions(&private, Permissions::from_mode(0o600)).unwrap();
        let (key, public) = (Key::read(&private, &private).unwrap(), PublicKey::read(&public).unwrap());
        let link = Link([3; 32]);
        assert!(public.verifies(link, &key.sign(link)));
        assert!(!public.verifies(Link([4; 32]), &key.sign(link)));
        assert!(!public.verifies(link, &Key::from_bytes([9; 32]).sign(link)));
        // `openssl pkey -pubin -outform DER | tail -c 32 | sha256sum`
        assert_eq!(public.id(), "c98d0e01f1b0ed2b");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_and_so_is_what_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, PRIVATE).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o777] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let error = Key::read(&file, &file).err().unwrap().to_string();
            assert!(error.contains("chmod 600") && error.contains(&format!("{mode:o}")), "{error}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        for text in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", PUBLIC] {
            fs::write(&file, text).unwrap();
            assert!(Key::read(&file, &file).err().unwrap().to_string().contains("openssl genpkey"));
        }
        assert!(PublicKey::read(&file).is_ok());
        assert!(PublicKey::read(&dir.path().join("none")).is_err());
    }
}
