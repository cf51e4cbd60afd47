//! A bundle and a digest → a judgement.

mod artifact;
mod keyless;
mod managed;
mod refusal;

use std::path::Path;

pub(crate) use artifact::JudgedFile;
use sigstore_verify::types::{Bundle, SignatureContent, bundle::VerificationMaterialContent};

use crate::{
    bundle::{BundleForm, STATEMENT_TYPE, upgraded_cosign_bundle},
    clean_text::clean,
    explanation::{StepOutcome, Steps},
    judgement::{Judgement, Origin, Verdict},
    key::ManagedKey,
    signer::Signer,
    statement::{self, Statement, StatementDepth},
    trust_root::TrustRoots,
};

/// Everything that is trusted.
pub(crate) struct Trust {
    pub(crate) roots: TrustRoots,
    pub(crate) signers: Vec<Signer>,
    pub(crate) keys: Vec<ManagedKey>,
    pub(crate) predicate_types: Vec<String>,
}

/// Returns the judgement of one document about a file.
pub(crate) fn judge(
    trust: &Trust,
    (form, bytes, bundle_path): (BundleForm, &[u8], &Path),
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    crate::crypto_provider::install();
    let judgement = match form {
        BundleForm::Bundle => match std::str::from_utf8(bytes) {
            Ok(json) => of_bundle(trust, json, file, steps),
            Err(error) => malformed(steps, error),
        },
        BundleForm::CosignBundle => match upgraded_cosign_bundle(bytes) {
            Ok(json) => of_bundle(trust, &json, file, steps),
            Err(error) => malformed(steps, error),
        },
        BundleForm::BareEnvelope => managed::of_envelope(trust, bytes, file, steps),
        BundleForm::BareSignature => managed::of_signature(trust, bytes, bundle_path, file, steps),
    };
    Judgement { bundle: Some(bundle_path.to_owned()), ..judgement }
}

fn malformed(steps: &mut Steps, error: impl std::fmt::Display) -> Judgement {
    let error = format!("malformed bundle: {error}");
    steps.add("bundle", StepOutcome::Fails, &error);
    Judgement::failed(Verdict::BadSignature, error)
}

fn of_bundle(trust: &Trust, json: &str, file: &JudgedFile<'_>, steps: &mut Steps) -> Judgement {
    let bundle = match Bundle::from_json(json) {
        Ok(bundle) => bundle,
        Err(error) => return malformed(steps, error),
    };
    let content = match &bundle.content {
        SignatureContent::MessageSignature(_) => "a signature of the file",
        SignatureContent::DsseEnvelope(_) => "an attestation",
        _ => "an unknown content",
    };
    steps.holds("bundle", format_args!("{} with {content}", bundle.media_type().as_str()));
    match &bundle.verification_material.content {
        VerificationMaterialContent::PublicKey(key) => {
            managed::of_bundle(trust, &bundle, &key.hint, file, steps)
        }
        VerificationMaterialContent::Certificate(_)
        | VerificationMaterialContent::X509CertificateChain { .. } => {
            keyless::of_bundle(trust, &bundle, file, steps)
        }
        _ => malformed(steps, "neither a certificate nor a key"),
    }
}

/// Returns the statement that a bundle signs; nothing for a signature of a file.
fn statement_of(
    trust: &Trust,
    content: &SignatureContent,
    steps: &mut Steps,
) -> Result<Option<Statement>, Box<Judgement>> {
    match content {
        SignatureContent::DsseEnvelope(envelope) if envelope.payload_type == STATEMENT_TYPE => {
            accepted_statement(trust, envelope.payload.as_bytes(), steps).map(Some)
        }
        _ => Ok(None),
    }
}

/// Returns the statement in a payload if it says where a file was built.
fn accepted_statement(trust: &Trust, payload: &[u8], steps: &mut Steps) -> Result<Statement, Box<Judgement>> {
    let failed = |steps: &mut Steps, verdict, error: String| {
        steps.add("statement", StepOutcome::Fails, &error);
        Err(Box::new(Judgement::failed(verdict, error)))
    };
    let statement = match statement::read(payload, StatementDepth::Build) {
        Ok(statement) => statement,
        Err(error) => return failed(steps, Verdict::BadSignature, error.to_string()),
    };
    if !trust.predicate_types.contains(&statement.predicate_type) {
        let error = format!(
            "a statement of kind {} does not say where the file was built; add the kind to predicate-types if it does",
            statement.predicate_type
        );
        return failed(steps, Verdict::Incomplete, error);
    }
    let commit = statement.revision.as_deref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
    steps.holds("statement", format_args!("{}{commit}", statement.predicate_type));
    Ok(statement)
}

/// Adds what a statement says to an origin. The certificate, if there is one, has the last word.
fn add_statement(origin: &mut Origin, statement: &Statement) {
    origin.predicate_type = Some(statement.predicate_type.clone());
    origin.builder.clone_from(&statement.builder);
    let differs = |known: &Option<String>| {
        known.is_some() && statement.revision.is_some() && *known != statement.revision
    };
    if differs(&origin.revision) {
        origin.statement_revision.clone_from(&statement.revision);
    }
    let fill = |member: &mut Option<String>, with: &Option<String>| {
        if member.is_none() {
            *member = with.as_deref().map(clean);
        }
    };
    fill(&mut origin.revision, &statement.revision);
    fill(&mut origin.repository, &statement.repository);
    fill(&mut origin.reference, &statement.reference);
    fill(&mut origin.run_url, &statement.run);
}
