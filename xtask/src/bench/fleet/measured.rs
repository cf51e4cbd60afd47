//! The result of `tests/python/fleet/measure.py` as rows of the table.

use std::collections::BTreeMap;

use crate::bench::table::{Row, row};

/// The measurements of the fleet.
#[derive(serde::Deserialize)]
pub(super) struct FleetMeasured {
    engine: String,
    /// CPU seconds of making and inserting all records.
    load_cpu: f64,
    real: RealBuilds,
    sizes: BTreeMap<String, TableSize>,
    /// CPU milliseconds of reading one column of all starts.
    peer: f64,
    questions: BTreeMap<String, QuestionCost>,
}

/// The records of the builds alone.
#[derive(serde::Deserialize)]
struct RealBuilds {
    sizes: BTreeMap<String, TableSize>,
    records: u64,
    /// Records inserted in a second of CPU.
    rate: f64,
    /// Bytes of a start as JSON.
    json: f64,
}

/// The size of a table whose parts are merged.
#[derive(serde::Deserialize)]
struct TableSize {
    rows: u64,
    /// Bytes of a row.
    bytes: f64,
    /// Bytes of a row by column.
    columns: BTreeMap<String, f64>,
}

/// The cost of a question.
#[derive(serde::Deserialize)]
struct QuestionCost {
    /// CPU milliseconds on one thread.
    ms: f64,
    rows: u64,
    /// Description of a wrong answer; empty for the right one.
    wrong: String,
}

impl FleetMeasured {
    /// Returns the rows: sizes, inserting, questions.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let (fleet, real) = (&self.sizes, &self.real.sizes);
        let goals = [
            ("starts", "a start", "≤ 30"),
            ("exits", "an exit", "shown"),
            ("heartbeats", "a heartbeat", "shown"),
        ];
        for (table, name, goal) in goals {
            rows.extend(
                fleet
                    .get(table)
                    .map(|size| row(format!("simulated fleet: {name} in the store"), goal, size.text())),
            );
        }
        rows.extend(
            fleet
                .get("seqs")
                .map(|size| row("simulated fleet: the numbers of a node's hour", "shown", size.text())),
        );
        for (table, name, goal) in [("starts", "a start", "≤ 40"), ("exits", "an exit", "shown")] {
            rows.extend(
                real.get(table).map(|size| {
                    row(format!("the real builds alone: {name} in the store"), goal, size.text())
                }),
            );
        }
        rows.push(row("a start of the real builds as JSON", "shown", format!("{:.0} B", self.real.json)));
        rows.push(row(
            "inserting the real records, with all views",
            "shown",
            format!(
                "{:.0} records a second of CPU, of {} in batches of 2,000",
                self.real.rate, self.real.records
            ),
        ));
        let records: u64 = ["starts", "exits", "heartbeats"]
            .iter()
            .filter_map(|table| fleet.get(*table))
            .map(|size| size.rows)
            .sum();
        rows.push(row(
            "making and inserting the simulated fleet",
            "shown",
            format!("{records} records in {:.0} s of CPU, ClickHouse {}", self.load_cpu, self.engine),
        ));
        rows.push(row(
            "peer: a scan of one column of all starts",
            "shown",
            format!("{:.0} ms of CPU, one thread", self.peer),
        ));
        for (name, cost) in &self.questions {
            let answer = if cost.wrong.is_empty() {
                "as planted".to_owned()
            } else {
                format!("WRONG: {}", cost.wrong)
            };
            let ratio = cost.ms / self.peer;
            rows.push(row(
                format!("question {name}"),
                "≤ 600 ms",
                format!("{:.0} ms of CPU, {ratio:.1} scans; {} rows, {answer}", cost.ms, cost.rows),
            ));
        }
        rows
    }
}

impl TableSize {
    /// Returns the bytes of a row, and the columns that take most of them.
    fn text(&self) -> String {
        let mut columns: Vec<(&String, &f64)> =
            self.columns.iter().filter(|(_, size)| **size >= 0.3).collect();
        columns.sort_by(|one, other| other.1.total_cmp(one.1));
        let columns: Vec<String> = columns.iter().map(|(name, size)| format!("{name} {size:.1}")).collect();
        let columns = if columns.is_empty() { String::new() } else { format!(": {}", columns.join(", ")) };
        format!("{:.1} B, of {}{columns}", self.bytes, self.rows)
    }
}
