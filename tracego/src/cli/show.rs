//! The options of `tracego show`.

use std::path::PathBuf;

use clap::Args;
use tracego_model::{clock::Time, finding::Severity};

/// The options of `tracego show`.
#[derive(Args, Debug)]
pub struct ShowRecords {
    /// Draw each process below its parent.
    #[arg(id = "report-tree", long = "tree")]
    pub tree: bool,
    /// Print records from this time on: RFC 3339 in UTC, or a part of it from the left, such as 2026-11-25T02.
    #[arg(id = "report-since", long = "since", value_name = "TIME", value_parser = moment)]
    pub since: Option<Time>,
    /// Print records before this time.
    #[arg(id = "report-until", long = "until", value_name = "TIME", value_parser = moment)]
    pub until: Option<Time>,
    /// Print records of this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id.
    #[arg(id = "report-job", long = "job", value_name = "ID")]
    pub job: Option<String>,
    /// Print records with a finding or a violation of at least this severity alone: low, medium, high, critical.
    #[arg(id = "report-min-severity", long = "min-severity", value_name = "SEVERITY")]
    pub min_severity: Option<Severity>,
    /// Print records that make this CEL expression true, such as process.user.id == 0. It sees full records.
    #[arg(id = "report-where", long = "where", value_name = "EXPRESSION")]
    pub expression: Option<String>,
    /// Wait for further records at the end of the last file, also when it is rotated.
    #[arg(id = "report-follow", long = "follow", short = 'f')]
    pub follow: bool,
    /// Files of records, in the order in which they were written, also compressed with gzip or zstd; - is standard
    /// input.
    #[arg(id = "report-records", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The form of a time, with the values of the parts that may be left out.
const SHAPE: &str = "0000-01-01T00:00:00";

fn moment(text: &str) -> Result<Time, String> {
    let plain = text.trim_end_matches('Z');
    let rest = SHAPE.get(plain.len()..).unwrap_or_default();
    // A year, a month, a day, an hour or a minute; half a number is none.
    let ends_whole = matches!(plain.len(), 4 | 7 | 10 | 13 | 16 | 19..);
    Time::parse(&format!("{plain}{rest}Z")).filter(|_| ends_whole).ok_or_else(|| {
        format!("'{text}' is not a time; write 2026-11-25T02:11:46Z or a part of it from the left")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_cut() {
        let text = |text: &str| moment(text).unwrap().text();
        assert_eq!(text("2026-11-25"), "2026-11-25T00:00:00.000000000Z");
        assert_eq!(text("2026-11-25T02"), "2026-11-25T02:00:00.000000000Z");
        assert_eq!(text("2026-11-25T02:11:46.5Z"), "2026-11-25T02:11:46.500000000Z");
        assert!(moment("yesterday").unwrap_err().contains("2026-11-25T02:11:46Z"));
        assert!(moment("2026-1").is_err() && moment("").is_err());
    }
}
