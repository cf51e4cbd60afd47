//! A row for each job.

use tracego_model::{clock::Time, finding::Severity};
use tracego_report::live::{Activity, FindingCounts, FindingGrade, JobFacts};

use super::{ActivityCells, Cell, Column, Row, sorted};
use crate::{figures, moment::Moment, tone::Tone};

pub(super) const COLUMNS: [Column; 12] = [
    Column::rest("JOB", 14),
    Column::text("SYSTEM", 9, 30),
    Column::text("COMMIT", 12, 50),
    Column::number("STARTS", 7, 90),
    Column::number("/S", 6, 95),
    Column::number("/S 1M", 6, 40),
    Column::number("ALIVE", 6, 94),
    Column::number("FAILED", 6, 20),
    Column::number("MAX RSS", 7, 10),
    Column::number("AGE", 6, 25),
    Column::text("FINDINGS", 13, 93),
    Column::number("LOST", 5, 60),
];

/// Orders by rate, living processes, starts, findings, age, and name.
pub(super) const ORDERS: [usize; 6] = [4, 6, 3, 10, 9, 0];

/// Returns the name of a job.
pub(super) fn name(key: &str) -> &str {
    if key.is_empty() { "(no job)" } else { key }
}

pub(super) fn rows(moment: &Moment<'_>, column: usize) -> Vec<Row> {
    let all = moment.state.jobs.iter().map(|(key, row)| (&**key, &row.activity, &row.facts));
    // A job of a record that others refer to has nothing yet.
    let used = all.filter(|(key, activity, facts)| {
        activity.starts > 0
            || facts.findings != FindingCounts::default()
            || (facts.lost > 0 && !key.is_empty())
    });
    let first = |time: Option<Time>| time.map_or(0.0, |time| time.0 as f64);
    let mut items = sorted(used, moment, |(_, activity, facts)| match column {
        3 => activity.starts as f64,
        6 => activity.alive as f64,
        9 => first(activity.first),
        10 => weight(&facts.findings),
        _ => 0.0,
    });
    if column == 0 {
        items.sort_by_key(|(key, ..)| *key);
    }
    items.into_iter().map(|(key, activity, facts)| row(key, activity, facts, moment)).collect()
}

fn row(key: &str, activity: &Activity, facts: &JobFacts, moment: &Moment<'_>) -> Row {
    let cells = ActivityCells::of(activity, moment);
    let number = |number: u64, tone: Tone| Cell {
        text: figures::count(number),
        tone: if number > 0 { tone } else { Tone::Dim },
    };
    let commit = facts.attribute("vcs.ref.head.revision");
    let age = activity.first.map_or_else(|| "-".to_owned(), |first| figures::age(first, moment.time()));
    Row {
        key: key.to_owned(),
        job: Some(key.to_owned()),
        cells: vec![
            name(key).into(),
            facts.attribute("cicd.system.component").into(),
            commit.chars().take(12).collect::<String>().into(),
            cells.starts,
            cells.now,
            cells.minute,
            cells.alive,
            number(facts.failed, Tone::Plain),
            figures::size(facts.max_rss_bytes).into(),
            age.into(),
            findings(&facts.findings),
            number(facts.lost, Tone::Bad),
        ],
    }
}

/// Returns the number of the worst findings, and how many others there are: `2 high +1`.
fn findings(counts: &FindingCounts) -> Cell {
    let decided = [
        (counts.escaped, FindingGrade::Escaped),
        (counts.stopped, FindingGrade::Stopped),
        (counts.audited, FindingGrade::Audited),
    ];
    let found = counts.worst().map(|worst| (counts.of(worst), FindingGrade::Found(worst)));
    let mut all = found.into_iter().chain(decided.into_iter().filter(|(count, _)| *count > 0));
    let Some((count, grade)) = all.next() else { return Cell { text: "-".to_owned(), tone: Tone::Dim } };
    let others = counts.findings() + counts.decisions() - count;
    let more = if others > 0 { format!(" +{}", figures::count(others)) } else { String::new() };
    Cell { text: format!("{} {}{more}", figures::count(count), grade.name()), tone: Tone::of(grade) }
}

/// Returns a number by which jobs with worse findings come first.
fn weight(counts: &FindingCounts) -> f64 {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().zip([1.0, 1e5, 1e10, 1e15]).map(|(severity, one)| counts.of(severity) as f64 * one).sum()
}
