//! Signatures by keys of the operator, with or without a log.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sigstore_verify::{
    PublicKeyVerificationPolicy,
    types::{Artifact, Bundle, HashAlgorithm, Sha256Hash, SignatureBytes, SignatureContent},
};

use super::{JudgedFile, Trust, accepted_statement, add_statement, refusal, statement_of};
use crate::{
    bundle::BareEnvelope,
    explanation::{StepOutcome, Steps},
    judgement::{Judgement, LogEvidence, Origin, Verdict},
    key::{LogDemand, ManagedKey},
    statement::Statement,
};

/// Way out for documents without a proof of the time.
const NO_PROOF: &str = "nothing in it proves who signed when; fetch the whole bundle with gh attestation download, or \
                        name the key that signed in [[provenance.keys]]";

/// Returns a judgement by a key.
fn of_key(verdict: Verdict, key: &ManagedKey, statement: Option<&Statement>) -> Judgement {
    let mut origin = Origin { key: Some(key.name.clone()), ..Origin::default() };
    if let Some(statement) = statement {
        add_statement(&mut origin, statement);
    }
    Judgement { origin, ..Judgement::of(verdict) }
}

fn fails(steps: &mut Steps, check: &'static str, verdict: Verdict, error: impl Into<String>) -> Judgement {
    let error = error.into();
    steps.add(check, StepOutcome::Fails, &error);
    Judgement::failed(verdict, error)
}

fn no_key() -> &'static str {
    "signed by a key, and no key is named; add [[provenance.keys]]"
}

/// Returns the judgement of a bundle with a hint of a key.
pub(super) fn of_bundle(
    trust: &Trust,
    bundle: &Bundle,
    hint: &str,
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    if trust.keys.is_empty() {
        return fails(steps, "key", Verdict::UntrustedSigner, no_key());
    }
    let mut best: Option<Judgement> = None;
    let named = trust.keys.iter().any(|key| key.has_hint(hint));
    for key in trust.keys.iter().filter(|key| !named || key.has_hint(hint)) {
        let judgement = if bundle.verification_material.tlog_entries.is_empty() {
            without_log(trust, key, bundle, file, steps)
        } else {
            with_log(trust, key, bundle, file, steps)
        };
        if judgement.verdict == Verdict::Verified {
            return judgement;
        }
        if best.as_ref().is_none_or(|best| judgement.verdict < best.verdict) {
            best = Some(judgement);
        }
    }
    match best {
        Some(judgement) if judgement.verdict == Verdict::BadSignature && !named => {
            let error = format!("no named key made the signature: {}", judgement.error.unwrap_or_default());
            fails(steps, "key", Verdict::UntrustedSigner, error)
        }
        Some(judgement) => judgement,
        None => fails(steps, "key", Verdict::UntrustedSigner, no_key()),
    }
}

/// Returns the judgement of a bundle with entries of a log.
fn with_log(
    trust: &Trust,
    key: &ManagedKey,
    bundle: &Bundle,
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    let is_over_file =
        matches!(bundle.content, SignatureContent::MessageSignature(_)) && !key.signs_digests();
    let content = match is_over_file.then(|| file.content()).transpose() {
        Ok(content) => content,
        Err(error) => return fails(steps, "signature", Verdict::Unchecked, error),
    };
    let policy = PublicKeyVerificationPolicy::new(key.public.clone());
    let mut last = None;
    for anchor in trust.roots.anchors.iter().filter(|anchor| anchor.has_log) {
        let artifact = match &content {
            Some(content) => Artifact::from_blob(content),
            None => Artifact::from(Sha256Hash::new(file.digest.0)),
        };
        match anchor.verifier.verify(artifact, bundle, &policy) {
            Ok(result) => {
                steps.holds("key", &key.name);
                steps.holds("log", format_args!("of {} has the signature", anchor.name));
                steps.holds("signature", "of this file");
                let statement = match statement_of(trust, &bundle.content, steps) {
                    Ok(statement) => statement,
                    Err(judgement) => return *judgement,
                };
                let time =
                    result.integrated_time().or_else(|| result.verified_timestamps().iter().min().copied());
                return Judgement {
                    log: LogEvidence::Rekor,
                    log_time: time.map(|time| time.to_string()),
                    ..of_key(Verdict::Verified, key, statement.as_ref())
                };
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => {
            steps.add(refusal::check(&error), StepOutcome::Fails, &error);
            refusal::judgement(&error)
        }
        None => {
            let error = "has an entry of a log, and no trusted root has a log; name one in trusted-root";
            fails(steps, "log", Verdict::Unchecked, error)
        }
    }
}

/// Returns the judgement of a bundle without entries of a log.
fn without_log(
    trust: &Trust,
    key: &ManagedKey,
    bundle: &Bundle,
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    match &bundle.content {
        SignatureContent::MessageSignature(message) => {
            if let Some(digest) = &message.message_digest {
                let is_same =
                    digest.algorithm == HashAlgorithm::Sha2256 && digest.digest.as_bytes() == file.digest.0;
                if !is_same {
                    return fails(steps, "signature", Verdict::BadSignature, "is about another digest");
                }
            }
            over_file(key, &message.signature, file, steps)
        }
        SignatureContent::DsseEnvelope(envelope) => {
            let signed = envelope.pae();
            match key.verifier.verify(signed, &envelope.signature.sig) {
                Ok(()) => over_statement(trust, key, envelope.payload.as_bytes(), file, steps),
                Err(error) => fails(steps, "signature", Verdict::BadSignature, error.to_string()),
            }
        }
        _ => fails(steps, "bundle", Verdict::Unchecked, "unknown content"),
    }
}

/// Returns the judgement of a signature over the file itself.
fn over_file(
    key: &ManagedKey,
    signature: &SignatureBytes,
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    let result = if key.signs_digests() {
        key.verifier.verify_prehashed(&file.digest.0, signature)
    } else {
        match file.content() {
            Ok(content) => key.verifier.verify(content, signature),
            Err(error) => return fails(steps, "signature", Verdict::Unchecked, error),
        }
    };
    match result {
        Ok(()) => {
            steps.holds("signature", "of this file");
            in_no_log(key, None, steps)
        }
        Err(error) => {
            fails(steps, "signature", Verdict::BadSignature, format!("{error} for key {}", key.name))
        }
    }
}

/// Returns the judgement of a statement whose signature holds.
fn over_statement(
    trust: &Trust,
    key: &ManagedKey,
    payload: &[u8],
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    let statement = match accepted_statement(trust, payload, steps) {
        Ok(statement) => statement,
        Err(judgement) => return *judgement,
    };
    if !statement.subjects.contains(file.digest) {
        return fails(steps, "signature", Verdict::BadSignature, "the statement is about other files");
    }
    steps.holds("signature", "of a statement about this file");
    in_no_log(key, Some(&statement), steps)
}

/// Returns the judgement of a signature that holds, and is in no log.
fn in_no_log(key: &ManagedKey, statement: Option<&Statement>, steps: &mut Steps) -> Judgement {
    if key.log == LogDemand::Required {
        let error = format!("no log has the signature, and key {} requires one", key.name);
        let failed = fails(steps, "log", Verdict::Incomplete, error);
        return Judgement { error: failed.error, ..of_key(Verdict::Incomplete, key, statement) };
    }
    steps.add("log", StepOutcome::NotNeeded, "the signature is in no log, and the key does not require one");
    steps.holds("key", &key.name);
    of_key(Verdict::Verified, key, statement)
}

/// Returns the judgement of an envelope alone.
pub(super) fn of_envelope(trust: &Trust, json: &[u8], file: &JudgedFile<'_>, steps: &mut Steps) -> Judgement {
    let envelope = match BareEnvelope::read(json) {
        Ok(envelope) => envelope,
        Err(error) => return super::malformed(steps, error),
    };
    steps.holds("bundle", "an envelope alone, without certificate and log entry");
    let signed = envelope.signed_bytes();
    for signature in &envelope.signatures {
        let signature = SignatureBytes::from_bytes(signature);
        if let Some(key) = trust.keys.iter().find(|key| key.verifier.verify(&signed, &signature).is_ok()) {
            return over_statement(trust, key, &envelope.payload, file, steps);
        }
    }
    fails(steps, "time", Verdict::Incomplete, NO_PROOF)
}

/// Returns the judgement of a signature in a file beside.
pub(super) fn of_signature(
    trust: &Trust,
    bytes: &[u8],
    path: &Path,
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let signature = SignatureBytes::from_bytes(&STANDARD.decode(text).unwrap_or_else(|_| bytes.to_vec()));
    steps.holds("bundle", "a signature alone");
    let mut best: Option<Judgement> = None;
    for key in &trust.keys {
        let judgement = over_file(key, &signature, file, steps);
        if judgement.verdict == Verdict::Verified {
            return judgement;
        }
        if best.as_ref().is_none_or(|best| judgement.verdict < best.verdict) {
            best = Some(judgement);
        }
    }
    if path.with_extension("pem").exists() {
        return fails(steps, "time", Verdict::Incomplete, NO_PROOF);
    }
    best.unwrap_or_else(|| fails(steps, "key", Verdict::UntrustedSigner, no_key()))
}
