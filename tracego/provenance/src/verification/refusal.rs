//! Errors of the verifier, as verdicts with a way out.

use sigstore_verify::{
    CertificateError, Error, TimestampError, TransparencyLogError, bundle::Error as ShapeError,
    crypto::Error as CryptoError,
};

use crate::{
    explanation::StepOutcome,
    judgement::{Judgement, Verdict},
};

/// Checks of a keyless bundle in the order in which the verifier does them.
pub(super) const CHECKS: [&str; 6] =
    ["time", "certificate", "certificate log", "log", "signature", "log entry"];

const OTHER_ROOT: &str = "the trusted root does not have it; write a new one with gh attestation trusted-root, and name it in trusted-root";

/// Returns the verdict that an error means.
pub(super) fn verdict(error: &Error) -> Verdict {
    match error {
        Error::UnsupportedBundle(_)
        | Error::UnsupportedArtifact(_)
        | Error::Crypto(CryptoError::UnsupportedAlgorithm(_))
        | Error::Bundle(ShapeError::UnsupportedMediaType(_) | ShapeError::UnsupportedVerificationMaterial)
        | Error::ArtifactRead(_) => Verdict::Unchecked,
        // The provider's own words, which the verifier wraps.
        Error::SignatureInvalid(text) if text.contains("cannot be checked here") => Verdict::Unchecked,
        Error::Timestamp(TimestampError::NoVerifiedTimestamp(_))
        | Error::Bundle(
            ShapeError::MissingInclusionPromise(_)
            | ShapeError::MissingInclusionProof(_)
            | ShapeError::MissingSigningTimeEvidence
            | ShapeError::MissingTimestamp
            | ShapeError::MissingCheckpoint,
        ) => Verdict::Incomplete,
        _ => Verdict::BadSignature,
    }
}

/// Returns the judgement that an error means.
pub(super) fn judgement(error: &Error) -> Judgement {
    let way_out = way_out(error).map(|text| format!("; {text}")).unwrap_or_default();
    Judgement::failed(verdict(error), format!("{error}{way_out}"))
}

/// Whether another trust root could make a difference. The verifier tells its reasons apart in words alone.
pub(super) fn is_about_root(error: &Error) -> bool {
    match error {
        Error::Certificate(CertificateError::ChainInvalid(text)) => text.contains("UnknownIssuer"),
        Error::Certificate(CertificateError::NoValidAuthority { .. })
        | Error::TransparencyLog(TransparencyLogError::UnknownLog { .. })
        | Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => true,
        Error::TransparencyLog(
            TransparencyLogError::InclusionPromise(text) | TransparencyLogError::Checkpoint(text),
        ) => text.contains("No log key") || text.contains("No matching"),
        Error::Timestamp(TimestampError::Invalid(text)) => text.contains("any trusted"),
        _ => false,
    }
}

fn way_out(error: &Error) -> Option<&'static str> {
    match error {
        Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) | Error::Bundle(_)
            if verdict(error) == Verdict::Incomplete =>
        {
            Some("nothing proves when it was signed; fetch the whole bundle with gh attestation download")
        }
        error if is_about_root(error) => Some(OTHER_ROOT),
        _ => None,
    }
}

/// The check that an error is of.
pub(super) fn check(error: &Error) -> &'static str {
    match error {
        Error::Timestamp(_) => "time",
        Error::Certificate(CertificateError::Sct(_)) => "certificate log",
        Error::Certificate(_) | Error::TrustedCertificate(_) => "certificate",
        Error::TransparencyLog(
            TransparencyLogError::EntryMismatch(_) | TransparencyLogError::MalformedEntry(_),
        ) => "log entry",
        Error::TransparencyLog(_) => "log",
        Error::SignatureInvalid(_) | Error::ArtifactMismatch(_) => "signature",
        _ => "bundle",
    }
}

/// Returns the outcome of each check, if the one at this place fails.
pub(super) fn outcome(at: usize, failed: usize) -> StepOutcome {
    match at.cmp(&failed) {
        std::cmp::Ordering::Less => StepOutcome::Holds,
        std::cmp::Ordering::Equal => StepOutcome::Fails,
        std::cmp::Ordering::Greater => StepOutcome::NotReached,
    }
}
