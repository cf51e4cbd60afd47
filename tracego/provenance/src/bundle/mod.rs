//! Forms of signatures and attestations, as far as their content is needed to find them by digest. All of it is
//! untrusted, and nothing is verified here.

mod cosign;
mod envelope;
mod shape;

pub(crate) use cosign::upgraded as upgraded_cosign_bundle;
pub(crate) use envelope::{BareEnvelope, STATEMENT_TYPE};

use crate::{
    contents::size,
    digest::Sha256Digest,
    statement::{self, Statement, StatementDepth},
};

/// Bytes of a document that are read; longer ones are skipped and counted.
pub(crate) const LONGEST_DOCUMENT: usize = 4 << 20;

/// The form of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleForm {
    /// A Sigstore bundle: signature, certificate or hint of a key, and proofs of the time.
    Bundle,
    /// A DSSE envelope alone, without certificate and log entry.
    BareEnvelope,
    /// The older bundle of cosign: signature, certificate and a promise of the log.
    CosignBundle,
    /// A signature alone, in a file beside what is signed.
    BareSignature,
}

/// A document about executables.
#[derive(Clone, Debug)]
pub struct Document {
    /// The form of the document.
    pub form: BundleForm,
    /// Digests that the document says to be about.
    pub subjects: Vec<Sha256Digest>,
    /// The statement of an attestation; nothing for a signature of a file.
    pub statement: Option<Statement>,
}

/// Reason why a piece of JSON is no document about executables.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoDocument {
    /// The JSON is about something else.
    #[error("neither a bundle nor an envelope")]
    Other,
    /// The document is damaged.
    #[error("{0}")]
    Damaged(String),
}

/// Returns the document in a piece of JSON.
pub(crate) fn read(json: &[u8], depth: StatementDepth) -> Result<Document, NoDocument> {
    if json.len() > LONGEST_DOCUMENT {
        return Err(NoDocument::Damaged(format!("has more than {}", size(LONGEST_DOCUMENT))));
    }
    let shape = shape::read(json)?;
    let (form, statement, subjects) = match shape {
        shape::Shape::Bundle(shape::Content::Message(digest)) => {
            (BundleForm::Bundle, None, digest.into_iter().collect())
        }
        shape::Shape::Bundle(shape::Content::Envelope(payload)) => {
            of_payload(BundleForm::Bundle, &payload, depth)?
        }
        shape::Shape::Envelope(payload) => of_payload(BundleForm::BareEnvelope, &payload, depth)?,
        shape::Shape::Cosign => (BundleForm::CosignBundle, None, cosign::subject(json).into_iter().collect()),
    };
    Ok(Document { form, subjects, statement })
}

type Parts = (BundleForm, Option<Statement>, Vec<Sha256Digest>);

/// Returns the parts of an attestation with this payload.
fn of_payload(form: BundleForm, payload: &[u8], depth: StatementDepth) -> Result<Parts, NoDocument> {
    let statement =
        statement::read(payload, depth).map_err(|error| NoDocument::Damaged(error.to_string()))?;
    let subjects = statement.subjects.clone();
    Ok((form, Some(statement), subjects))
}

/// Returns the documents in a content: one JSON value, or one a line. Errors are returned as text, in their place.
///
/// Never panics, whatever the content is.
#[must_use]
pub fn documents_of(content: &[u8]) -> Vec<Result<Document, String>> {
    let whole = |json: &[u8]| read(json, StatementDepth::Build).map_err(|error| error.to_string());
    match read(content, StatementDepth::Build) {
        Err(_) if content.contains(&b'\n') => {
            let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            lines.map(whole).collect()
        }
        result => vec![result.map_err(|error| error.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256_of;

    /// An attestation about two files, as an envelope.
    fn envelope() -> String {
        let of = |content: &[u8]| format!(r#"{{"digest": {{"sha256": "{}"}}}}"#, sha256_of(content));
        let statement = format!(
            r#"{{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
                "subject": [{}, {}], "predicate": {{}}}}"#,
            of(b"a"),
            of(b"b")
        );
        let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, statement);
        format!(
            r#"{{"payload": "{payload}", "payloadType": "application/vnd.in-toto+json", "signatures": [{{"sig": ""}}]}}"#
        )
    }

    #[test]
    fn each_form_is_recognised_with_what_it_is_about() {
        let media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let digest = sha256_of(b"a");
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest.0);
        let message = format!(
            r#"{{"mediaType": "{media_type}", "verificationMaterial": {{"x": [1]}}, "messageSignature":
                {{"messageDigest": {{"algorithm": "SHA2_256", "digest": "{base64}"}}, "signature": ""}}}}"#
        );
        let bundle = format!(
            r#"{{"mediaType": "{media_type}", "verificationMaterial": {{}}, "dsseEnvelope": {}}}"#,
            envelope()
        );
        for (json, form, subjects, predicate) in [
            (message, BundleForm::Bundle, 1, None),
            (bundle, BundleForm::Bundle, 2, Some("https://slsa.dev/provenance/v1")),
            (envelope(), BundleForm::BareEnvelope, 2, Some("https://slsa.dev/provenance/v1")),
        ] {
            let document = read(json.as_bytes(), StatementDepth::Build).unwrap();
            assert_eq!((document.form, document.subjects.len()), (form, subjects), "{json}");
            assert_eq!(document.subjects.first(), Some(&digest));
            assert_eq!(document.statement.map(|statement| statement.predicate_type).as_deref(), predicate);
        }
    }

    #[test]
    fn other_json_and_damage_are_told_apart() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for other in
            [&deep, "{}", r#"{"name": "x", "version": "1"}"#, "[]", "1", "\"a\"", r#"{"payload": "e30="}"#]
        {
            assert_eq!(
                read(other.as_bytes(), StatementDepth::Subjects).unwrap_err(),
                NoDocument::Other,
                "{other}"
            );
        }
        let huge = format!("{}{}", " ".repeat(LONGEST_DOCUMENT), envelope());
        for (damaged, word) in [
            ("", "EOF"),
            ("{", "EOF"),
            (envelope().get(..40).unwrap(), "EOF"),
            (&envelope().replace("\"payload\": \"", "\"payload\": \"!"), "base64"),
            (&envelope().replace("\"payload\": \"", "\"payload\": \"AAAA"), "statement"),
            (&huge, "4 MiB"),
        ] {
            match read(damaged.as_bytes(), StatementDepth::Subjects).unwrap_err() {
                NoDocument::Damaged(text) => assert!(text.contains(word), "{text}"),
                NoDocument::Other => panic!("{word}"),
            }
        }
    }

    #[test]
    fn lines_are_documents_of_their_own() {
        let text = format!("{}\n\nx\n{}\n", envelope().replace('\n', " "), envelope().replace('\n', " "));
        let read: Vec<bool> = documents_of(text.as_bytes()).iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, true]);
    }
}
