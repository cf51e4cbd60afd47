//! The HTML timeline of a CI job: one file that needs no network.
//!
//! The page is a fixed style sheet and a fixed script (`page/`) around the data of one job. The data is JSON in an element
//! that no browser executes; the script puts every part of it into the page as text. A content security policy allows
//! the fixed style sheet and the fixed script by their hashes and nothing else, so a command line that looks like markup
//! stays a command line.

mod embedding;
mod page_source;
mod run_timeline;
mod timeline_builder;
mod timeline_data;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use run_timeline::timeline;
pub use timeline_builder::{FindingEntry, ProcessEntry, TimelineBuilder};
pub use timeline_data::{
    Exit, JobFields, ProcessColumns, ProcessFlags, SealState, TimelineData, TimelineFinding, Verdict,
};

/// Writes the page of a job.
///
/// # Errors
/// Returns the errors of `out`.
pub fn write(data: &TimelineData, out: &mut impl Write) -> io::Result<()> {
    page_source::write(data, out)
}
