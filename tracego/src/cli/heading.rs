//! Headings of the help text, in the order in which options belong together.

/// Options about what is recorded.
pub(super) const RECORDS: &str = "What is recorded";
/// Options about the form and the target of records.
pub(super) const OUTPUT: &str = "Output";
/// Findings and what follows from them.
pub(super) const FINDINGS: &str = "Findings and enforcement";
/// Policies in Rego.
pub(super) const POLICIES: &str = "Policies";
/// Delivery to other systems.
pub(super) const DELIVERY: &str = "Delivery and monitoring";
/// Sealed logs.
pub(super) const EVIDENCE: &str = "Evidence";
/// The agent itself.
pub(super) const RUNNING: &str = "Running";
