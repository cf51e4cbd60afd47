//! A row for each of the latest findings and decisions.

use std::cmp::Reverse;

use super::{Cell, Column, Row, jobs};
use crate::{figures, moment::Moment, tone::Tone};

pub(super) const COLUMNS: [Column; 5] = [
    Column::text("TIME", 8, 10),
    Column::text("SEVERITY", 8, 40),
    Column::text("RULE", 20, 30),
    Column::text("JOB", 16, 20),
    Column::rest("COMMAND", 20),
];

/// Orders by time, and by severity.
pub(super) const ORDERS: [usize; 2] = [0, 1];

pub(super) fn rows(moment: &Moment<'_>, column: usize) -> Vec<Row> {
    let mut all: Vec<_> = moment.state.findings.iter().collect();
    if column == 1 {
        all.sort_by_key(|finding| Reverse(finding.grade));
    }
    let row = |finding: &tracego_report::live::LiveFinding| {
        let grade = Cell { text: finding.grade.name().to_owned(), tone: Tone::of(finding.grade) };
        Row {
            key: format!("{} {} {} {}", finding.time.0, finding.pid, finding.title, finding.message),
            job: Some(finding.job.to_string()),
            cells: vec![
                figures::time_of_day(finding.time).into(),
                grade,
                finding.title.clone().into(),
                jobs::name(&finding.job).into(),
                finding.command.clone().into(),
            ],
        }
    };
    all.into_iter().map(row).collect()
}
