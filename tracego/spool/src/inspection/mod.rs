//! Inspection of a spool's folder, without changes: opening a spool acts on an [`Examination`](examination),
//! and a [`Survey`](survey::Survey) shows it to people.

pub(crate) mod census;
pub(crate) mod examination;
pub(crate) mod survey;
