//! The form of a report: the same option for every command that prints one.

use clap::{Args, ValueEnum};

/// Id of the option. It has the long name of the option for records, but neither variable nor key of the
/// configuration stands for it: those are about records.
pub const REPORT: &str = "report-form";

/// Beginning of the ids of options for which neither variable nor key of the configuration stands.
const PREFIX: &str = "report-";

/// Whether an option with this id is about a report, and not about records.
#[must_use]
pub fn is_about_report(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// The form of a report.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ReportOptions {
    /// Form of the report.
    ///
    /// json: one JSON object, or one per line. text: for people. Default: text; of `inspect`, json where
    /// standard output is no terminal.
    #[arg(id = REPORT, long = "output", value_enum, value_name = "FORM")]
    pub output: Option<ReportForm>,
    /// Another name of `--output json`.
    #[arg(long, hide = true, conflicts_with = REPORT)]
    pub json: bool,
}

impl ReportOptions {
    /// Returns whether the report is JSON. Without the option it is text.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json || self.output == Some(ReportForm::Json)
    }
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ReportForm {
    /// JSON.
    Json,
    /// Text for people.
    Text,
}
