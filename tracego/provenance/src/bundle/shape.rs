//! The members by which forms of documents are told apart. What is not needed to find them is skipped unread.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::IgnoredAny};

use super::{NoDocument, envelope::STATEMENT_TYPE};
use crate::digest::Sha256Digest;

/// The form of a document, with the parts that say what it is about.
pub(super) enum Shape {
    /// A Sigstore bundle.
    Bundle(Content),
    /// A DSSE envelope with this payload.
    Envelope(Vec<u8>),
    /// The older bundle of cosign.
    Cosign,
}

/// Content of a Sigstore bundle.
pub(super) enum Content {
    /// A signature over a file, whose digest the bundle may name.
    Message(Option<Sha256Digest>),
    /// An envelope with this payload.
    Envelope(Vec<u8>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow)]
    media_type: Option<Cow<'a, str>>,
    verification_material: Option<IgnoredAny>,
    #[serde(borrow)]
    message_signature: Option<Message<'a>>,
    #[serde(borrow)]
    dsse_envelope: Option<Envelope<'a>>,
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload_type: Option<Cow<'a, str>>,
    signatures: Option<IgnoredAny>,
    base64_signature: Option<IgnoredAny>,
    rekor_bundle: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    payload_type: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    message_digest: Option<MessageDigest<'a>>,
}

#[derive(Deserialize)]
struct MessageDigest<'a> {
    #[serde(borrow)]
    algorithm: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
}

fn damaged(error: impl std::fmt::Display) -> NoDocument {
    NoDocument::Damaged(error.to_string())
}

/// Returns the shape of a piece of JSON.
pub(super) fn read(json: &[u8]) -> Result<Shape, NoDocument> {
    let members: Members = match serde_json::from_slice(json) {
        Ok(members) => members,
        // Valid JSON of another shape is somebody else's file.
        Err(error) if error.is_data() && serde_json::from_slice::<IgnoredAny>(json).is_ok() => {
            return if mentions_bundle(json) { Err(damaged(error)) } else { Err(NoDocument::Other) };
        }
        Err(error) => return Err(damaged(error)),
    };
    if members.verification_material.is_some()
        || members.media_type.is_some_and(|media| media.starts_with("application/vnd.dev.sigstore.bundle"))
    {
        return match (members.dsse_envelope, members.message_signature) {
            (Some(envelope), None) => payload(&envelope.payload_type, &envelope.payload)
                .map(|payload| Shape::Bundle(Content::Envelope(payload))),
            (None, Some(message)) => Ok(Shape::Bundle(Content::Message(message.digest()))),
            (Some(_), Some(_)) => Err(damaged("bundle with two contents")),
            (None, None) => Err(damaged("bundle without content")),
        };
    }
    if members.base64_signature.is_some() && members.rekor_bundle.is_some() {
        return Ok(Shape::Cosign);
    }
    match (members.payload_type, members.payload, members.signatures) {
        (Some(kind), Some(body), Some(_)) => payload(&kind, &body).map(Shape::Envelope),
        _ => Err(NoDocument::Other),
    }
}

/// Whether JSON of the wrong types was meant to be a bundle.
fn mentions_bundle(json: &[u8]) -> bool {
    let word = b"verificationMaterial";
    json.windows(word.len()).any(|window| window == word)
}

/// Returns the bytes of a payload.
fn payload(kind: &str, text: &str) -> Result<Vec<u8>, NoDocument> {
    if kind != STATEMENT_TYPE {
        return Err(damaged("envelope with something else than an in-toto statement"));
    }
    STANDARD.decode(text).map_err(|_| damaged("payload is not base64"))
}

impl Message<'_> {
    fn digest(&self) -> Option<Sha256Digest> {
        let digest = self.message_digest.as_ref().filter(|digest| digest.algorithm == "SHA2_256")?;
        Sha256Digest::try_from(&*STANDARD.decode(digest.digest.as_bytes()).ok()?).ok()
    }
}
