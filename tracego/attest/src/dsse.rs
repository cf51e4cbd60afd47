//! The signed envelope: DSSE 1.0 (github.com/secure-systems-lab/dsse).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::signing_key::{SigningFailure, SigningKey};

/// Type of the payload: a statement of in-toto.
const PAYLOAD: &str = "application/vnd.in-toto+json";

/// An envelope with one signature.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: &'static str,
    signatures: [EnvelopeSignature; 1],
}

#[derive(Debug, Serialize)]
struct EnvelopeSignature {
    sig: String,
    /// Absent in a bundle, which names the key elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
}

impl Envelope {
    /// Signs a statement.
    ///
    /// # Errors
    /// Fails if the key does not sign.
    pub fn sign(statement: &[u8], key: &SigningKey) -> Result<Self, SigningFailure> {
        let signature = key.sign(&encoded(PAYLOAD, statement))?;
        Ok(Self {
            payload: STANDARD.encode(statement),
            payload_type: PAYLOAD,
            signatures: [EnvelopeSignature { sig: STANDARD.encode(signature), keyid: Some(key.id()) }],
        })
    }

    /// Returns the envelope without the id of the key.
    #[must_use]
    pub(crate) fn without_key_id(self) -> Self {
        let [signature] = self.signatures;
        Self { signatures: [EnvelopeSignature { keyid: None, ..signature }], ..self }
    }
}

/// Returns the bytes that are signed: the pre-authentication encoding.
fn encoded(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let encoded = super::encoded("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
