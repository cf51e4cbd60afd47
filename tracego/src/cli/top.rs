//! The options of `tracego top`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::Args;
use tracego_model::units::Span;

/// The options of `tracego top`.
#[derive(Args, Debug)]
pub struct TopOptions {
    /// Print everything once as text, without a terminal: of files up to their present end, of standard input at its
    /// end, and without a file after --interval.
    #[arg(id = "report-top-once", long = "once", conflicts_with = "report-top-iterations")]
    pub once: bool,
    /// Print everything this many times as text, without a terminal, --interval apart; fewer times if the input ends.
    #[arg(id = "report-top-iterations", long = "iterations", short = 'n', value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,
    /// Time between two updates, such as 500ms, 1s or 5s; at least 100ms.
    #[arg(id = "report-top-interval", long = "interval", short = 'd', value_name = "DURATION")]
    #[arg(default_value = "1s", value_parser = interval)]
    pub interval: Duration,
    /// Maximum number of rows of each table with --once and --iterations; what is left out is counted.
    #[arg(id = "report-top-rows", long = "rows", value_name = "N", default_value_t = 20)]
    pub rows: usize,
    /// Files of records, in the order in which they were written, also compressed with gzip or zstd; the last one is
    /// followed, also when it is rotated. - is standard input.
    #[arg(id = "report-top-records", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Options of the tracego that records, if there is no file, such as -- --profile ci. It reads no default files.
    #[arg(id = "report-top-options", last = true, value_name = "OPTION")]
    #[arg(conflicts_with = "report-top-records")]
    pub options: Vec<OsString>,
}

fn interval(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse()?;
    if span.0 < Duration::from_millis(100) {
        return Err(format!("'{text}' is too short; write at least 100ms"));
    }
    Ok(span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_not_too_short() {
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("2"), Ok(Duration::from_secs(2)));
        assert!(interval("99ms").unwrap_err().contains("100ms"));
        assert!(interval("soon").unwrap_err().contains("30s"));
    }
}
