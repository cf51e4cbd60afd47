//! Keys for signing bundles: RS256, ES256 and HS256 of RFC 7518, implemented by ring.

use ed25519_dalek::pkcs8::{ObjectIdentifier, spki::SubjectPublicKeyInfoRef};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{self as ring_signature, EcdsaKeyPair, RsaKeyPair},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::error::BundleProblem;

/// The algorithm of a signature, which is never taken from the signature itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum SignatureAlgorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// HMAC with SHA-256: anyone who can check a bundle can also sign one.
    Hs256,
}

impl SignatureAlgorithm {
    /// Returns the name in a token.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Whether a signature fits a message. Fails if the key cannot be used.
pub(super) fn verifies(
    algorithm: SignatureAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, BundleProblem> {
    if algorithm == SignatureAlgorithm::Hs256 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret(key)?);
        return Ok(hmac::verify(&key, message, signature).is_ok());
    }
    let no_key = BundleProblem::Key(
        "the key is not a public key in PEM; `openssl pkey -in PRIVATE -pubout` or `openssl x509 -in CERTIFICATE \
         -pubkey -noout` shows it",
    );
    let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(key) else { return Err(no_key) };
    let Ok(info) = SubjectPublicKeyInfoRef::try_from(der.as_ref()) else { return Err(no_key) };
    let Some(bytes) = info.subject_public_key.as_bytes() else { return Err(no_key) };
    let (fits, how): (_, &dyn ring_signature::VerificationAlgorithm) = match algorithm {
        SignatureAlgorithm::Rs256 => (info.algorithm.oid == RSA, &ring_signature::RSA_PKCS1_2048_8192_SHA256),
        _ => {
            let curve = info.algorithm.parameters_oid().ok();
            (info.algorithm.oid == EC && curve == Some(P256), &ring_signature::ECDSA_P256_SHA256_FIXED)
        }
    };
    if !fits {
        return Err(BundleProblem::Key("the key is for another algorithm than the one that is configured"));
    }
    let key = ring_signature::UnparsedPublicKey::new(how, bytes);
    Ok(key.verify(message, signature).is_ok())
}

/// Signs a message.
pub(super) fn sign(
    algorithm: SignatureAlgorithm,
    key: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, BundleProblem> {
    const NO_RANDOM: BundleProblem = BundleProblem::Key("the system provided no random numbers");
    if algorithm == SignatureAlgorithm::Hs256 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret(key)?);
        return Ok(hmac::sign(&key, message).as_ref().to_vec());
    }
    let random = SystemRandom::new();
    let der = PrivatePkcs8KeyDer::from_pem_slice(key).map_err(|_| {
        BundleProblem::Key(
            "the key is not a private key in PEM (PKCS #8); `openssl pkcs8 -topk8 -nocrypt -in PRIVATE` makes one of \
             an older form",
        )
    })?;
    let der = der.secret_pkcs8_der();
    if algorithm == SignatureAlgorithm::Rs256 {
        let wrong = BundleProblem::Key("the key is not an RSA key of 2048 to 4096 bits, which RS256 needs");
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| wrong)?;
        let mut signature = vec![0; pair.public().modulus_len()];
        let signed = pair.sign(&ring_signature::RSA_PKCS1_SHA256, &random, message, &mut signature);
        return signed.map(|()| signature).map_err(|_| NO_RANDOM);
    }
    let wrong = BundleProblem::Key("the key is not on P-256, which ES256 needs");
    let how = &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_pkcs8(how, der, &random).map_err(|_| wrong)?;
    let signature = pair.sign(&random, message).map_err(|_| NO_RANDOM)?;
    Ok(signature.as_ref().to_vec())
}

/// Checks that the secret of HS256 is not empty and not in PEM, because a public key is not secret.
fn secret(key: &[u8]) -> Result<&[u8], BundleProblem> {
    if key.is_empty() {
        return Err(BundleProblem::Key("the secret is empty"));
    }
    if key.windows(11).any(|window| window == b"-----BEGIN ") {
        return Err(BundleProblem::Key("HS256 takes a secret, and the key is in PEM; is it RS256 or ES256?"));
    }
    Ok(key)
}
