//! Lean records: what many records share is written once in a record of its own, and referred to.
//!
//! ```text
//! lean             members that a lean record leaves out, and whether a record is lean at all
//! reference        a record that others refer to
//! reference_cache  the references of a record, made once for each content
//! book             what one output has been given already
//! stage            both together for all outputs
//! expansion        the way back, for readers of JSON
//! line_ids         the ids in a written line
//! memory           references that are written again where a file lacks them
//! process_line     the record of a process, made from the line that began it
//! ```
//!
//! Rules, policies, filters and traces come before and see the full record.

pub(crate) mod book;
pub mod expansion;
mod lean;
pub(crate) mod line_ids;
pub(crate) mod memory;
mod process_line;
mod reference;
mod reference_cache;
pub(crate) mod stage;

use std::num::NonZeroUsize;

use serde::Deserialize;

/// Number of references that each output, and the memory of a file, holds for given.
const REFERENCES_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);
/// The same for processes. One that is forgotten gets a record again when it is referred to.
const PROCESSES_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);
/// Maximum number of ancestors that are written ahead of a record, or found for it; lines are not longer.
const ANCESTORS_MAX: usize = 160;

/// The choice of the members that an output gets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Parts that many records share are written once, and referred to.
    #[default]
    Lean,
    /// Each record holds everything.
    Full,
}
