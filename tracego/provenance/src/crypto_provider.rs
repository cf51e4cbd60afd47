//! Hashes and signatures for the verifier of Sigstore: ring, and ECDSA over a digest by `p256` and `p384`.

use std::sync::Once;

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use ring::{digest, signature};
use sigstore_verify::{
    crypto::{CryptoProvider, Error, HashContext, Result, SigningScheme, install_default_provider},
    types::HashAlgorithm,
};

/// The provider of this process.
static RING: RingProvider = RingProvider;
static INSTALLED: Once = Once::new();

/// Makes ring the cryptography of the verifier. Later calls change nothing.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        if install_default_provider(&RING).is_err() {
            // Nothing else in this program installs one; if something did, it would verify just as well.
        }
    });
}

/// Why RSA signatures over a digest are refused.
pub(crate) const RSA_OVER_DIGEST: &str = "an RSA signature over a digest cannot be checked here; sign with ECDSA, or sign an attestation of the file";

/// Verification by ring; it makes no keys and no signatures.
#[derive(Debug)]
struct RingProvider;

struct RingHash(digest::Context);

impl HashContext for RingHash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

/// Returns ring's algorithm for a scheme.
fn algorithm(scheme: SigningScheme) -> Result<&'static dyn signature::VerificationAlgorithm> {
    Ok(match scheme {
        SigningScheme::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
        SigningScheme::EcdsaP256Sha384 => &signature::ECDSA_P256_SHA384_ASN1,
        SigningScheme::EcdsaP384Sha256 => &signature::ECDSA_P384_SHA256_ASN1,
        SigningScheme::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
        SigningScheme::Ed25519 => &signature::ED25519,
        SigningScheme::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        SigningScheme::RsaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
        SigningScheme::RsaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        SigningScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SigningScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SigningScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        other => return Err(Error::UnsupportedAlgorithm(format!("{} cannot be checked here", other.name()))),
    })
}

fn invalid(scheme: SigningScheme) -> Error {
    Error::Verification(format!("{} signature invalid", scheme.name()))
}

impl CryptoProvider for RingProvider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        let algorithm = match algorithm {
            HashAlgorithm::Sha2256 => &digest::SHA256,
            HashAlgorithm::Sha2384 => &digest::SHA384,
            HashAlgorithm::Sha2512 => &digest::SHA512,
            other => return Err(Error::UnsupportedAlgorithm(format!("{other} cannot be computed here"))),
        };
        Ok(Box::new(RingHash(digest::Context::new(algorithm))))
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], bytes: &[u8]) -> Result<()> {
        signature::UnparsedPublicKey::new(algorithm(scheme)?, key)
            .verify(data, bytes)
            .map_err(|_| invalid(scheme))
    }

    fn verify_prehashed(&self, scheme: SigningScheme, key: &[u8], hash: &[u8], bytes: &[u8]) -> Result<()> {
        let wrong_key = |_| Error::InvalidKey(format!("not a key for {}", scheme.name()));
        match scheme {
            SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP256Sha384 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(wrong_key)?;
                let bytes = p256::ecdsa::Signature::from_der(bytes).map_err(|_| invalid(scheme))?;
                key.verify_prehash(hash, &bytes).map_err(|_| invalid(scheme))
            }
            SigningScheme::EcdsaP384Sha256 | SigningScheme::EcdsaP384Sha384 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(wrong_key)?;
                let bytes = p384::ecdsa::Signature::from_der(bytes).map_err(|_| invalid(scheme))?;
                key.verify_prehash(hash, &bytes).map_err(|_| invalid(scheme))
            }
            SigningScheme::RsaPssSha256
            | SigningScheme::RsaPssSha384
            | SigningScheme::RsaPssSha512
            | SigningScheme::RsaPkcs1Sha256
            | SigningScheme::RsaPkcs1Sha384
            | SigningScheme::RsaPkcs1Sha512 => Err(Error::UnsupportedAlgorithm(RSA_OVER_DIGEST.to_owned())),
            other => Err(Error::UnsupportedAlgorithm(format!("{} signs no digests", other.name()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
        },
    };

    use super::*;

    #[test]
    fn a_signature_over_bytes_is_one_over_their_digest() {
        let random = SystemRandom::new();
        for (signing, scheme, hash) in [
            (&ECDSA_P256_SHA256_ASN1_SIGNING, SigningScheme::EcdsaP256Sha256, &digest::SHA256),
            (&ECDSA_P384_SHA384_ASN1_SIGNING, SigningScheme::EcdsaP384Sha384, &digest::SHA384),
        ] {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref(), &random).unwrap();
            let bytes = pair.sign(&random, b"content").unwrap();
            let key = pair.public_key().as_ref();
            let hash = |content: &[u8]| digest::digest(hash, content).as_ref().to_vec();
            RING.verify_raw(scheme, key, b"content", bytes.as_ref()).unwrap();
            RING.verify_prehashed(scheme, key, &hash(b"content"), bytes.as_ref()).unwrap();
            RING.verify_raw(scheme, key, b"Content", bytes.as_ref()).unwrap_err();
            RING.verify_prehashed(scheme, key, &hash(b"Content"), bytes.as_ref()).unwrap_err();
            RING.verify_prehashed(scheme, &key[1..], &hash(b"content"), bytes.as_ref()).unwrap_err();
            RING.verify_prehashed(scheme, key, &hash(b"content"), b"").unwrap_err();
        }
    }

    #[test]
    fn what_cannot_be_checked_is_refused_with_a_way_out() {
        for scheme in [SigningScheme::RsaPssSha256, SigningScheme::RsaPkcs1Sha512] {
            let error = RING.verify_prehashed(scheme, b"", &[0; 32], b"").unwrap_err();
            assert!(error.to_string().contains("sign with ECDSA"), "{error}");
        }
        for scheme in [SigningScheme::MlDsa44, SigningScheme::Ed25519] {
            let error = RING.verify_prehashed(scheme, b"", &[0; 32], b"").unwrap_err();
            assert!(matches!(error, Error::UnsupportedAlgorithm(_)), "{error}");
        }
        let error = RING.verify_raw(SigningScheme::MlDsa65, b"", b"", b"").unwrap_err();
        assert!(matches!(error, Error::UnsupportedAlgorithm(_)), "{error}");
    }
}
