//! The content of a store, as its documents claim it.

use std::{collections::HashSet, path::PathBuf};

use serde::Serialize;
use sigstore_verify::{
    crypto::parse_certificate_info,
    types::{Bundle, bundle::VerificationMaterialContent},
};

use crate::{
    bundle::{BundleForm, upgraded_cosign_bundle},
    clean_text::clean,
    digest::Sha256Digest,
    statement::StatementDepth,
    store::{FoundDocument, MOST_DIGESTS, StoreSummary, tree, visit},
};

/// A document of a store. Nothing in it is verified.
#[derive(Clone, Debug, Serialize)]
pub struct ListedBundle {
    /// The file.
    pub path: PathBuf,
    /// The line, for files with one document a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The form of the document.
    pub form: BundleForm,
    /// The first digests that it is about; at most eight.
    pub digests: Vec<Sha256Digest>,
    /// The number of all digests that it is about.
    pub digest_count: usize,
    /// The kind of statement; missing for a signature of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// The identity in its certificate, or the hint of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The commit in its certificate, or in its statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The reason why the certificate cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// All documents of a store.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StoreListing {
    /// The documents, in the order of their files.
    pub bundles: Vec<ListedBundle>,
    /// Files and lines that are left out, in numbers.
    pub summary: StoreSummary,
}

/// Documents that are listed.
const MOST: usize = 10_000;
/// Digests of a document that are listed.
const LISTED_DIGESTS: usize = 8;

impl StoreListing {
    /// Reads all documents below folders.
    pub(crate) fn read(folders: &[PathBuf]) -> Self {
        crate::crypto_provider::install();
        let mut summary = StoreSummary::default();
        let mut bundles = Vec::new();
        let mut digests = HashSet::new();
        for file in &tree(folders, &mut summary) {
            visit(file, StatementDepth::Build, &mut summary, &mut |found, summary| {
                summary.documents += 1;
                summary.subjects += found.document.subjects.len() as u64;
                digests.extend(
                    found.document.subjects.iter().copied().take(MOST_DIGESTS.saturating_sub(digests.len())),
                );
                if bundles.len() < MOST {
                    bundles.push(listed(&found));
                } else {
                    summary.beyond(found.path, 1, "more than 10,000 documents are not listed");
                }
            });
        }
        summary.digests = digests.len() as u64;
        Self { bundles, summary }
    }
}

fn listed(found: &FoundDocument<'_>) -> ListedBundle {
    let statement = found.document.statement.as_ref();
    let mut listed = ListedBundle {
        path: found.path.to_owned(),
        line: found.line,
        form: found.document.form,
        digests: found.document.subjects.iter().take(LISTED_DIGESTS).copied().collect(),
        digest_count: found.document.subjects.len(),
        predicate_type: statement.map(|statement| statement.predicate_type.clone()),
        signer: None,
        revision: statement.and_then(|statement| statement.revision.clone()),
        problem: None,
    };
    let json = match found.document.form {
        BundleForm::Bundle => String::from_utf8_lossy(found.bytes).into_owned(),
        BundleForm::CosignBundle => upgraded_cosign_bundle(found.bytes).unwrap_or_default(),
        BundleForm::BareEnvelope | BundleForm::BareSignature => return listed,
    };
    let bundle = match Bundle::from_json(&json) {
        Ok(bundle) => bundle,
        Err(error) => return ListedBundle { problem: Some(clean(&error.to_string())), ..listed },
    };
    if let VerificationMaterialContent::PublicKey(key) = &bundle.verification_material.content {
        listed.signer = Some(format!("key {}", clean(&key.hint)));
        return listed;
    }
    match bundle.signing_certificate().map(parse_certificate_info) {
        Some(Ok(certificate)) => {
            listed.signer = certificate.identity.as_ref().map(|name| clean(name.as_str()));
            let commit = certificate.ci_claims.source_repository_digest.as_deref().map(clean);
            listed.revision = commit.or(listed.revision);
        }
        Some(Err(error)) => listed.problem = Some(clean(&error.to_string())),
        None => listed.problem = Some("no certificate".to_owned()),
    }
    listed
}
