//! Bundles with a certificate, which an authority gave for an identity and a few minutes.

use sigstore_verify::{
    Error, VerificationPolicy, VerificationResult,
    crypto::{CertificateInfo, KeyAlgorithm, parse_certificate_info},
    types::{Artifact, Bundle, Sha256Hash, SignatureContent},
};

use super::{JudgedFile, Trust, add_statement, refusal, statement_of};
use crate::{
    certificate::SigningIdentity,
    clean_text::clean,
    crypto_provider::RSA_OVER_DIGEST,
    explanation::{StepOutcome, Steps},
    judgement::{Judgement, LogEvidence, Origin, Verdict},
    trust_root::TrustAnchor,
};

/// Signers whose differences are named in an error.
const MOST_DIFFERENCES: usize = 3;

/// Returns the judgement of a bundle about a file.
pub(super) fn of_bundle(
    trust: &Trust,
    bundle: &Bundle,
    file: &JudgedFile<'_>,
    steps: &mut Steps,
) -> Judgement {
    let fails = |steps: &mut Steps, check, verdict, error: String| {
        steps.add(check, StepOutcome::Fails, &error);
        Judgement::failed(verdict, error)
    };
    let material = &bundle.verification_material;
    if material.tlog_entries.is_empty() && material.timestamp_verification_data.rfc3161_timestamps.is_empty()
    {
        let error = "nothing in the bundle proves when it was signed, and the certificate was valid for minutes; \
                     fetch the whole bundle with gh attestation download";
        return fails(steps, "time", Verdict::Incomplete, error.to_owned());
    }
    let content = match content(bundle, file) {
        Ok(content) => content,
        Err(error) => return fails(steps, "signature", Verdict::Unchecked, error),
    };
    let digest = Sha256Hash::new(file.digest.0);
    let artifact = || match &content {
        Some(content) => Artifact::from_blob(content),
        None => Artifact::from(digest),
    };
    let mut closest: Option<(&TrustAnchor, Error)> = None;
    for anchor in &trust.roots.anchors {
        match anchor.verifier.verify(artifact(), bundle, &anchor.policy()) {
            Ok(result) => return of_result(trust, bundle, anchor, &result, steps),
            Err(error) => {
                let is_closer = closest.as_ref().is_none_or(|(_, known)| {
                    refusal::is_about_root(known) && !refusal::is_about_root(&error)
                });
                if is_closer {
                    closest = Some((anchor, error));
                }
            }
        }
    }
    let Some((anchor, error)) = closest else {
        return fails(steps, "certificate", Verdict::Unchecked, "there is no trusted root".to_owned());
    };
    if steps.is_explained {
        explain(bundle, anchor, &error, artifact(), steps);
    }
    refusal::judgement(&error)
}

/// Returns the content of the file, if the signature is over it and not over its digest.
fn content(bundle: &Bundle, file: &JudgedFile<'_>) -> Result<Option<Vec<u8>>, String> {
    let (SignatureContent::MessageSignature(_), Some(certificate)) =
        (&bundle.content, bundle.signing_certificate())
    else {
        return Ok(None);
    };
    // A certificate that cannot be read is the verifier's to refuse.
    match parse_certificate_info(certificate).map(|certificate| certificate.key_algorithm) {
        Ok(KeyAlgorithm::Rsa) => Err(RSA_OVER_DIGEST.to_owned()),
        Ok(KeyAlgorithm::Ed25519) => file.content().map(Some),
        _ => Ok(None),
    }
}

/// Adds the checks up to the one that fails. The verifier reports the first failure alone, so the checks of the log are
/// left out once to see whether the others hold.
fn explain(bundle: &Bundle, anchor: &TrustAnchor, error: &Error, artifact: Artifact<'_>, steps: &mut Steps) {
    let check = refusal::check(error);
    let Some(failed) = refusal::CHECKS.iter().position(|name| *name == check) else {
        steps.add("bundle", StepOutcome::Fails, error);
        return;
    };
    let is_log = check == "log";
    let rest = is_log.then(|| {
        let policy: VerificationPolicy = anchor.policy().skip_tlog_unsafe();
        anchor.verifier.verify(artifact, bundle, &policy)
    });
    for (at, name) in refusal::CHECKS.into_iter().enumerate() {
        let outcome = match (&rest, at == failed) {
            (_, true) => StepOutcome::Fails,
            (Some(Ok(_)), _) => StepOutcome::Holds,
            (Some(Err(_)), _) => StepOutcome::NotReached,
            (None, _) => refusal::outcome(at, failed),
        };
        let detail = if at == failed { error.to_string() } else { format!("by {}", anchor.name) };
        steps.add(name, outcome, detail);
    }
}

/// Returns the judgement of a bundle whose signature and proofs hold: it remains to see who signed what.
fn of_result(
    trust: &Trust,
    bundle: &Bundle,
    anchor: &TrustAnchor,
    result: &VerificationResult,
    steps: &mut Steps,
) -> Judgement {
    let Some(certificate) = result.certificate().filter(|_| result.certificate_verified()) else {
        return Judgement::failed(Verdict::Unchecked, "the verifier did not check the certificate");
    };
    let time = result.integrated_time().or_else(|| result.verified_timestamps().iter().min().copied());
    let log_time = time.map(|time| time.to_string());
    steps.holds("time", log_time.as_deref().unwrap_or("proven"));
    steps.holds("certificate", format_args!("issued by an authority of {}", anchor.name));
    let by_log = |holds: bool| if holds { StepOutcome::Holds } else { StepOutcome::NotNeeded };
    let or_none =
        |holds: bool, text: &'static str| if holds { text } else { "this trusted root has no such log" };
    steps.add(
        "certificate log",
        by_log(result.sct_verified()),
        or_none(result.sct_verified(), "has the certificate"),
    );
    steps.add("log", by_log(result.tlog_verified()), or_none(result.tlog_verified(), "has the signature"));
    steps.holds("signature", "of this file");
    steps.add(
        "log entry",
        by_log(result.tlog_verified()),
        or_none(result.tlog_verified(), "is about this signature"),
    );
    let log = if result.tlog_verified() { LogEvidence::Rekor } else { LogEvidence::None };
    let mut origin = of_certificate(certificate);
    let statement = match statement_of(trust, &bundle.content, steps) {
        Ok(statement) => statement,
        Err(judgement) => return Judgement { origin, log, log_time, ..*judgement },
    };
    if let Some(statement) = &statement {
        add_statement(&mut origin, statement);
    }
    let judgement = match differences(trust, &SigningIdentity::of(certificate)) {
        None => {
            steps.holds("signer", origin.signer.as_deref().unwrap_or_default());
            Judgement::of(Verdict::Verified)
        }
        Some(error) => {
            steps.add("signer", StepOutcome::Fails, &error);
            Judgement::failed(Verdict::UntrustedSigner, error)
        }
    };
    Judgement { origin, log, log_time, ..judgement }
}

/// Returns how an identity differs from all signers that are named; nothing if it is one of them.
fn differences(trust: &Trust, identity: &SigningIdentity) -> Option<String> {
    let mut found = Vec::new();
    for (number, signer) in (1..).zip(&trust.signers) {
        let difference = signer.difference(identity)?;
        if found.len() < MOST_DIFFERENCES {
            found.push(if trust.signers.len() == 1 {
                difference
            } else {
                format!("signer {number}: {difference}")
            });
        }
    }
    Some(if found.is_empty() {
        "no signer is named, so nobody is trusted; add [[provenance.signers]]".to_owned()
    } else {
        format!("not a named signer: {}", found.join("; "))
    })
}

/// Returns what a certificate says of the build.
fn of_certificate(certificate: &CertificateInfo) -> Origin {
    let claims = &certificate.ci_claims;
    let cleaned = |claim: &Option<String>| claim.as_deref().map(clean);
    Origin {
        signer: certificate.identity.as_ref().map(|name| clean(name.as_str())),
        issuer: cleaned(&certificate.issuer),
        repository: cleaned(&claims.source_repository_uri),
        reference: cleaned(&claims.source_repository_ref),
        revision: cleaned(&claims.source_repository_digest),
        run_url: cleaned(&claims.run_invocation_uri),
        runner_environment: cleaned(&claims.runner_environment),
        ..Origin::default()
    }
}
