//! A row for each program.

use super::{ActivityCells, Column, Item, Row, sorted};
use crate::moment::Moment;

pub(super) const COLUMNS: [Column; 5] = [
    Column::rest("PROGRAM", 20),
    Column::number("STARTS", 7, 20),
    Column::number("/S", 6, 40),
    Column::number("/S 1M", 6, 10),
    Column::number("ALIVE", 6, 30),
];

/// Orders by rate, living processes, starts, and name.
pub(super) const ORDERS: [usize; 4] = [2, 4, 1, 0];

pub(super) fn rows(moment: &Moment<'_>, column: usize) -> Vec<Row> {
    let all = moment.state.programs.iter().map(|(key, row)| (&**key, &row.activity, &row.facts));
    let mut items = sorted(all, moment, |(_, activity, ())| match column {
        1 => activity.starts as f64,
        4 => activity.alive as f64,
        _ => 0.0,
    });
    if column == 0 {
        items.sort_by_key(|(key, ..)| *key);
    }
    let row = |(key, activity, _): Item<'_, ()>| {
        let cells = ActivityCells::of(activity, moment);
        let name = if key.is_empty() { "(others)" } else { key };
        Row {
            key: key.to_owned(),
            job: None,
            cells: vec![name.into(), cells.starts, cells.now, cells.minute, cells.alive],
        }
    };
    items.into_iter().map(row).collect()
}
