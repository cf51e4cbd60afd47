//! The envelope as verifiers of Sigstore take it: a bundle v0.3 of a managed key, without an entry in a log.

use serde::Serialize;

use crate::{dsse::Envelope, signing_key::SigningKey};

/// Type of bundles.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    media_type: &'static str,
    verification_material: VerificationMaterial,
    dsse_envelope: Envelope,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: PublicKeyHint,
    tlog_entries: [(); 0],
}

#[derive(Debug, Serialize)]
struct PublicKeyHint {
    hint: String,
}

impl Bundle {
    /// Creates the bundle of an envelope that a key signed.
    #[must_use]
    pub fn new(envelope: Envelope, key: &SigningKey) -> Self {
        Self {
            media_type: MEDIA_TYPE,
            verification_material: VerificationMaterial {
                public_key: PublicKeyHint { hint: key.hint() },
                tlog_entries: [],
            },
            dsse_envelope: envelope.without_key_id(),
        }
    }
}
