//! The bundles about a digest that are verified: those that are still there, and of many those that could decide.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sigstore_verify::{
    crypto::parse_certificate_info,
    types::{Bundle, bundle::VerificationMaterialContent},
};

use crate::{
    bundle::{self, BundleForm, upgraded_cosign_bundle},
    certificate::SigningIdentity,
    digest::Sha256Digest,
    statement::StatementDepth,
    store::Index,
    verification::Trust,
};

/// Bundles about one digest that are verified, whoever signed them.
const MOST_BUNDLES: usize = 64;
/// Bundles about one digest that are verified because they name a signer or key that is trusted.
const MOST_NAMED: usize = 256;
/// Bundles about one digest whose signer is looked at to choose among them.
const MOST_LOOKS: usize = 4096;

/// The bundles about a digest that are verified, in their order.
pub(crate) struct Candidates {
    pub(crate) numbers: Vec<u32>,
    /// Number of the other bundles about the digest.
    pub(crate) left_out: u64,
}

impl Candidates {
    /// Chooses among the bundles about a digest. If there are too many, those that name a trusted signer or key come first.
    /// Nothing is verified for that.
    pub(crate) fn choose(index: &Index, trust: &Trust, all: impl Iterator<Item = u32>) -> Self {
        let mut all: Vec<u32> = all.collect();
        let count = all.len();
        if count > MOST_BUNDLES {
            all.truncate(MOST_LOOKS);
            let is_named = |number: &u32| {
                let Some((place, path)) = index.place(*number) else { return false };
                place.read(path).is_ok_and(|bytes| names_trusted(trust, place.form, &bytes))
            };
            let (mut named, others): (Vec<u32>, Vec<u32>) = all.into_iter().partition(is_named);
            named.truncate(MOST_NAMED);
            let room = MOST_BUNDLES.saturating_sub(named.len());
            all = named;
            all.extend(others.into_iter().take(room));
        }
        let left_out = (count - all.len()) as u64;
        Self { numbers: all, left_out }
    }
}

/// Whether a document claims to be of a signer or key that is trusted. Never panics.
fn names_trusted(trust: &Trust, form: BundleForm, bytes: &[u8]) -> bool {
    let look = || match form {
        BundleForm::Bundle => names_trusted_signer(trust, &String::from_utf8_lossy(bytes)),
        BundleForm::CosignBundle => {
            upgraded_cosign_bundle(bytes).is_ok_and(|json| names_trusted_signer(trust, &json))
        }
        // Neither names its key.
        BundleForm::BareEnvelope | BundleForm::BareSignature => !trust.keys.is_empty(),
    };
    catch_unwind(AssertUnwindSafe(look)).unwrap_or(false)
}

fn names_trusted_signer(trust: &Trust, json: &str) -> bool {
    let Ok(bundle) = Bundle::from_json(json) else { return false };
    if let VerificationMaterialContent::PublicKey(key) = &bundle.verification_material.content {
        return trust.keys.iter().any(|known| key.hint.is_empty() || known.has_hint(&key.hint));
    }
    let Some(Ok(certificate)) = bundle.signing_certificate().map(parse_certificate_info) else {
        return false;
    };
    let identity = SigningIdentity::of(&certificate);
    trust.signers.iter().any(|signer| signer.difference(&identity).is_none())
}

/// Returns the reason why a document is not the one about a digest that the index found: its file was written since.
pub(crate) fn changed(form: BundleForm, bytes: &[u8], digest: &Sha256Digest) -> Option<String> {
    if form == BundleForm::BareSignature {
        return None;
    }
    let document = match bundle::read(bytes, StatementDepth::Subjects) {
        Ok(document) => document,
        Err(error) => return Some(error.to_string()),
    };
    if document.form != form || !document.subjects.contains(digest) {
        return Some(format!("is not about sha256:{digest} any more"));
    }
    let json = match form {
        BundleForm::CosignBundle => upgraded_cosign_bundle(bytes),
        BundleForm::Bundle => Ok(String::from_utf8_lossy(bytes).into_owned()),
        _ => return None,
    };
    json.and_then(|json| Bundle::from_json(&json).map_err(|error| error.to_string()))
        .err()
        .map(|error| format!("malformed bundle: {error}"))
}
