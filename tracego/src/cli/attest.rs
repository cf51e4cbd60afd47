//! The options of `tracego attest`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tracego_attest::subject::Subject;

/// The options of `tracego attest`.
///
/// Ids of options begin with `report-`, so that neither variables nor keys of the configuration stand for them: those are
/// about records.
#[derive(Args, Debug)]
pub struct Attest {
    /// File that the statement is about: an artifact of the job. May be repeated.
    #[arg(id = "report-subject", long = "subject", value_name = "FILE")]
    pub subject: Vec<PathBuf>,
    /// Digest and name of an artifact that the statement is about, such as a container image. May be repeated.
    #[arg(id = "report-subject-digest", long = "subject-digest", value_name = "sha256:HEX=NAME")]
    pub subject_digest: Vec<Subject>,
    /// Private key in PEM (PKCS#8) that signs: ECDSA on P-256, or Ed25519. Only its owner may be able to read it.
    #[arg(id = "report-key", long = "key", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Form of the output.
    #[arg(id = "report-format", long = "format", value_enum, value_name = "FORM", default_value = "bundle")]
    pub format: AttestForm,
    /// File to write instead of standard output.
    #[arg(id = "report-file", short = 'o', long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Processes to list.
    #[arg(
        id = "report-processes",
        long = "processes",
        value_enum,
        value_name = "CHOICE",
        default_value = "all"
    )]
    pub processes: TraceChoice,
    /// Attest this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id.
    #[arg(id = "report-job", long = "job", value_name = "ID")]
    pub job: Option<String>,
    /// Public key in PEM that must have signed the seals of the records.
    #[arg(id = "report-seal-key", long = "seal-key", value_name = "FILE")]
    pub seal_key: Option<PathBuf>,
    /// File with another predicate in JSON, such as a bill of materials, instead of records.
    #[arg(
        id = "report-predicate",
        long = "predicate",
        value_name = "FILE",
        requires = "report-predicate-type"
    )]
    #[arg(conflicts_with_all = ["report-records", "report-processes", "report-job", "report-seal-key"])]
    pub predicate: Option<PathBuf>,
    /// Type of that predicate, such as `https://cyclonedx.org/bom`.
    #[arg(
        id = "report-predicate-type",
        long = "predicate-type",
        value_name = "URI",
        requires = "report-predicate"
    )]
    pub predicate_type: Option<String>,
    /// Files of records, in any order, also compressed with gzip or zstd.
    #[arg(id = "report-records", required_unless_present = "report-predicate", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The forms of an attestation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum AttestForm {
    /// Sigstore bundle v0.3, signed
    Bundle,
    /// DSSE envelope, signed
    Envelope,
    /// Statement, not signed
    Statement,
    /// Predicate alone, for a signer that makes the statement
    Predicate,
}

/// The processes of a trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum TraceChoice {
    /// Each program start; compilers and linkers are counted at their go command
    All,
    /// Each executable with its arguments and its user once
    Distinct,
    /// Processes with findings
    Findings,
}
