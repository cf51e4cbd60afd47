//! Statements of in-toto about what ran, and their signatures.
//!
//! ```text
//! subject                the artifacts that a statement is about
//! runtime_trace          the predicate: processes, job, findings, and what is missing
//! record_origin          the host and the run that records are from
//! configuration_history  the configurations and policies that were in force
//! statement              subject and predicate
//! signing_key            keys in PEM
//! dsse                   the signed envelope
//! bundle                 the envelope as verifiers of Sigstore take it
//! ```
//!
//! Nothing here does input or output. A statement says what its records lack as `tracego verify-log` says it.

pub mod bundle;
pub mod configuration_history;
pub mod dsse;
pub mod record_origin;
pub mod runtime_trace;
pub mod signing_key;
pub mod statement;
pub mod subject;
