//! The answer to the question where a file comes from.

use std::path::PathBuf;

use serde::Serialize;

/// A verdict about a file. The order is from best to worst: of several bundles about a file, the first counts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A named signer or key vouches for the file, and everything holds.
    Verified,
    /// Everything holds, but who signed is nobody that is named.
    UntrustedSigner,
    /// A proof is missing that cannot be had without network.
    Incomplete,
    /// The check could not be done; the error says why.
    Unchecked,
    /// Something about the file does not hold.
    BadSignature,
    /// The store has no bundle about the file.
    Unsigned,
}

impl Verdict {
    /// All verdicts, from best to worst.
    pub const ALL: [Self; 6] = [
        Self::Verified,
        Self::UntrustedSigner,
        Self::Incomplete,
        Self::Unchecked,
        Self::BadSignature,
        Self::Unsigned,
    ];

    /// The name of the verdict.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::UntrustedSigner => "untrusted-signer",
            Self::Incomplete => "incomplete",
            Self::Unchecked => "unchecked",
            Self::BadSignature => "bad-signature",
            Self::Unsigned => "unsigned",
        }
    }
}

/// The log that proves that a signature was made, and when.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogEvidence {
    /// No log.
    #[default]
    None,
    /// Rekor, the log of Sigstore.
    Rekor,
}

/// The proven facts about the origin of a file. Empty unless signature and certificate hold. Texts have no control
/// characters, and at most 1024 bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Origin {
    /// The identity that signed: of a CI job its workflow, otherwise an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The service that vouched for the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The name of the managed key that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The repository that was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch or tag that was built.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit that was built: of the certificate, or of the statement if the certificate names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit in the statement, if it is another one than `revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_revision: Option<String>,
    /// The builder, as the statement names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// The run of the workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// The kind of runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_environment: Option<String>,
    /// The kind of statement; missing for a signature of the file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
}

/// A bundle that was looked at and does not decide.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OtherBundle {
    /// The file of the bundle.
    pub bundle: PathBuf,
    /// The verdict of this bundle.
    pub verdict: Verdict,
    /// The failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A verdict with what is proven and what is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The proven facts of the origin.
    #[serde(flatten)]
    pub origin: Origin,
    /// The log that has the signature.
    pub log: LogEvidence,
    /// The earliest proven time of the signature, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_time: Option<String>,
    /// The failure, with the way out; missing if the file is verified or unsigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The file of the bundle that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathBuf>,
    /// Bundles about the same file that do not decide; at most eight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherBundle>,
    /// Number of bundles about the same file that were not looked at, because there are too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Judgement {
    /// Returns a judgement with nothing but a verdict.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            origin: Origin::default(),
            log: LogEvidence::None,
            log_time: None,
            error: None,
            bundle: None,
            others: Vec::new(),
            left_out: 0,
        }
    }

    /// Returns a judgement with an error.
    pub(crate) fn failed(verdict: Verdict, error: impl Into<String>) -> Self {
        Self { error: Some(crate::clean_text::clean(&error.into())), ..Self::of(verdict) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_have_the_order_of_their_list_and_the_names_of_their_json() {
        assert!(Verdict::ALL.is_sorted());
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
    }
}
