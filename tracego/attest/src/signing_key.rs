//! Private keys in PEM: ECDSA on P-256, and Ed25519, in PKCS#8.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use tracego_model::input::digest::Sha256Digest;

/// The beginnings of public keys in DER (SubjectPublicKeyInfo), up to the key itself.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The object identifiers of algorithms and curves in DER.
const OID_EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const OID_ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// Number of bytes of a key in which its algorithm is named.
const HEAD: usize = 40;

/// The reason why a file is no key that signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The file holds no key in PEM.
    #[error(
        "no private key in PEM; `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE` makes one"
    )]
    NoPem,
    /// The file holds a public key.
    #[error("a public key, which verifies; the private one signs")]
    Public,
    /// The key is encrypted.
    #[error(
        "the key is encrypted, and nobody is asked for a password; `openssl pkey -in FILE -out PLAIN` decrypts it"
    )]
    Encrypted,
    /// The key is in another form than PKCS#8.
    #[error("the key is not in PKCS#8; `openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW` converts it")]
    OtherForm,
    /// The key is an RSA key.
    #[error("an RSA key; only ECDSA on P-256 and Ed25519 sign")]
    Rsa,
    /// The key is on another curve.
    #[error("an ECDSA key on another curve than P-256")]
    OtherCurve,
    /// The key is of another kind.
    #[error("a key of an unknown kind; only ECDSA on P-256 and Ed25519 sign")]
    OtherKind,
    /// The bytes of the key are damaged.
    #[error("the key is damaged")]
    Damaged,
}

/// The key did not sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key does not sign")]
pub struct SigningFailure;

/// A private key.
#[derive(Debug)]
pub struct SigningKey(KeyKind);

#[derive(Debug)]
enum KeyKind {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Parses a private key in PEM.
    ///
    /// # Errors
    /// Fails if the text holds no key that signs.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (label, bytes) = pem(text).ok_or(KeyError::NoPem)?;
        match label {
            "PRIVATE KEY" => Self::of_pkcs8(&bytes.ok_or(KeyError::Damaged)?),
            "EC PRIVATE KEY" => Err(KeyError::OtherForm),
            "RSA PRIVATE KEY" => Err(KeyError::Rsa),
            _ if label.contains("ENCRYPTED") => Err(KeyError::Encrypted),
            _ if label.contains("PUBLIC KEY") => Err(KeyError::Public),
            _ if label.contains("PRIVATE KEY") => Err(KeyError::OtherKind),
            _ => Err(KeyError::NoPem),
        }
    }

    fn of_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let head = bytes.get(..HEAD.min(bytes.len())).unwrap_or_default();
        let names = |oid: &[u8]| head.windows(oid.len()).any(|part| part == oid);
        if names(OID_ED25519) {
            // OpenSSL writes no public key beside the private one, so there is none to compare.
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes);
            return key.map(|key| Self(KeyKind::Ed25519(key))).map_err(|_| KeyError::Damaged);
        }
        if names(OID_EC) && names(OID_P256) {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes, &random);
            return key.map(|key| Self(KeyKind::P256(key))).map_err(|_| KeyError::Damaged);
        }
        Err(match () {
            () if names(OID_EC) => KeyError::OtherCurve,
            () if names(OID_RSA) => KeyError::Rsa,
            () => KeyError::OtherKind,
        })
    }

    /// Signs a message.
    ///
    /// # Errors
    /// Fails if the system gives no random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailure> {
        match &self.0 {
            KeyKind::P256(key) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| SigningFailure)?;
                Ok(signature.as_ref().to_vec())
            }
            KeyKind::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }

    /// Returns the public key in DER.
    fn public_key(&self) -> Vec<u8> {
        match &self.0 {
            KeyKind::P256(key) => [&P256_HEAD[..], key.public_key().as_ref()].concat(),
            KeyKind::Ed25519(key) => [&ED25519_HEAD[..], key.public_key().as_ref()].concat(),
        }
    }

    /// Returns the id of the key: the SHA-256 of its public key in DER, in hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256Digest::try_from(digest(&SHA256, &self.public_key()).as_ref());
        digest.map(|digest| digest.to_string()).unwrap_or_default()
    }

    /// Returns the id of the key as a bundle has it.
    #[must_use]
    pub fn hint(&self) -> String {
        STANDARD.encode(digest(&SHA256, &self.public_key()))
    }
}

/// Returns the label and the bytes of the first key in PEM; parameters of curves ahead of it are passed over. The bytes are
/// `None` if they are damaged.
fn pem(text: &str) -> Option<(&str, Option<Vec<u8>>)> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let (label, after) = after.split_once("-----")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&*end)?;
        if label != "EC PARAMETERS" {
            let body: String = body.split_whitespace().collect();
            return Some((label, STANDARD.decode(body).ok()));
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key made by OpenSSL 3.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIDFAwXN2k7CSp7z0iht4VO9+7fPBo2jZrkVRjm6F5SyV\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_of_openssl_signs() {
        let key = SigningKey::parse(ED25519).unwrap();
        assert_eq!(key.sign(b"a").unwrap().len(), 64);
        // `openssl pkey -in key -pubout -outform DER | sha256sum`
        let hint = STANDARD.decode(key.hint()).unwrap();
        assert_eq!(key.id(), Sha256Digest::try_from(&*hint).unwrap().to_string());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let error = |text: &str| SigningKey::parse(text).unwrap_err();
        assert_eq!(error(""), KeyError::NoPem);
        assert_eq!(error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), KeyError::NoPem);
        assert_eq!(error(&ED25519.replace("PRIVATE", "PUBLIC")), KeyError::Public);
        assert_eq!(error(&ED25519.replace("PRIVATE", "ENCRYPTED SIGSTORE PRIVATE")), KeyError::Encrypted);
        assert_eq!(error(&ED25519.replace("PRIVATE", "EC PRIVATE")), KeyError::OtherForm);
        assert_eq!(error(&ED25519.replace("PRIVATE", "DSA PRIVATE")), KeyError::OtherKind);
        assert_eq!(error(&ED25519.replace("K2VwBCIEIDFA", "")), KeyError::OtherKind);
        assert_eq!(error(&ED25519.replace("MC4CAQ", "!!!!")), KeyError::Damaged);
        assert_eq!(error(&ED25519.replace("5SyV", "")), KeyError::Damaged);
    }
}
