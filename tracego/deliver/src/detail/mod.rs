//! Lean records: what many records share is written once in a record of its own, and referred to.
//!
//! ```text
//! lean         members that a lean record leaves out, and whether a record is lean at all
//! references   the records that others refer to, made once for each content
//! book         what one output has been given already
//! stage        both together for all outputs
//! expansion    the way back, for readers of JSON
//! line_ids     the ids in a written line
//! memory       references that are written again where a file lacks them
//! process_line the record of a process, made from the line that began it
//! ```
//!
//! Rules, policies, filters and traces come before and see the full record.

pub(crate) mod book;
pub mod expansion;
mod lean;
pub(crate) mod line_ids;
pub(crate) mod memory;
mod process_line;
mod references;
pub(crate) mod stage;

use serde::Deserialize;

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
