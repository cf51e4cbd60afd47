//! Reports about the records of a CI job: Markdown, HTML and formats of other tools.
//!
//! ```text
//! wire          lines of records, untrusted
//! history       what the records say: jobs, processes, programs, findings, what is missing
//! live          what runs now, by job
//! baseline      processes of earlier runs, and what is new since then
//! report        a history with all that is said about it
//! markdown      the summary of a CI job
//! html          the timeline of a job, a page of its own
//! junit         test results
//! chrome_trace  a trace for ui.perfetto.dev
//! sarif         static analysis results, which findings of sources share
//! escape        texts of a process in other languages
//! ```
//!
//! Nothing here does input or output: lines come as bytes, and reports go to a writer that the caller gives.

pub mod baseline;
pub mod chrome_trace;
pub mod escape;
pub mod history;
pub mod html;
pub mod junit;
pub mod live;
pub mod markdown;
pub mod report;
pub mod run_time_sarif;
pub mod sarif;
pub mod wire;
