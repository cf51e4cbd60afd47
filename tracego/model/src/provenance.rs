//! Where an executable comes from, as signatures prove it.

use serde::{Deserialize, Serialize};

/// `tracego.provenance.*`: a verdict about the executable, and what is proven of its origin.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Provenance {
    /// The verdict.
    pub verdict: ProvenanceVerdict,
    /// Whether the configuration demands provenance of this executable, in this place.
    pub required: bool,
    /// The identity that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The service that vouched for the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The name of the managed key that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The source that was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ProvenanceSource>,
    /// The builder, as the statement names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// The run of the workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// The kind of runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_environment: Option<String>,
    /// The kind of statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// The log that has the signature: `rekor`, or `none`.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub log: Option<&'static str>,
    /// The earliest proven time of the signature, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_time: Option<String>,
    /// The reason why it does not hold, and the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The trust root that is older than the configuration allows; told once a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_root: Option<String>,
    /// The file of the bundle that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
}

/// `tracego.provenance.source.*`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ProvenanceSource {
    /// The repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The branch or tag.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit: of the certificate, or of the statement if the certificate names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit of the statement, if it is another one than `revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_revision: Option<String>,
}

/// A verdict about an executable.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProvenanceVerdict {
    /// A record `tracego.executable` will have it.
    #[default]
    Pending,
    /// A named signer or key vouches for the file, and everything holds.
    Verified,
    /// No bundle is about the file.
    Unsigned,
    /// Something about the file does not hold.
    BadSignature,
    /// Everything holds, but who signed is nobody that is named.
    UntrustedSigner,
    /// A proof is missing that cannot be had without network.
    Incomplete,
    /// The check could not be made.
    Unchecked,
}
