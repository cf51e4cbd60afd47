//! DSSE envelopes that no bundle is around.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// The type of payload that statements have.
pub(crate) const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";
/// Signatures of an envelope that are looked at.
const MOST_SIGNATURES: usize = 8;

/// A DSSE envelope with its signatures.
pub(crate) struct BareEnvelope {
    /// The statement, as it was signed.
    pub(crate) payload: Vec<u8>,
    /// Signatures over the encoding of the payload.
    pub(crate) signatures: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

impl BareEnvelope {
    /// Returns the envelope in a piece of JSON.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        let members: Members = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if members.payload_type != STATEMENT_TYPE {
            return Err("envelope with something else than an in-toto statement".to_owned());
        }
        let payload = STANDARD.decode(&members.payload).map_err(|_| "payload is not base64".to_owned())?;
        let signatures = members.signatures.iter().take(MOST_SIGNATURES);
        let signatures = signatures.filter_map(|signature| STANDARD.decode(&signature.sig).ok()).collect();
        Ok(Self { payload, signatures })
    }

    /// Returns the bytes that are signed.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        sigstore_verify::types::pae(STATEMENT_TYPE, &self.payload)
    }
}
