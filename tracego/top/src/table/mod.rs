//! Jobs, programs and findings as rows.
//!
//! ```text
//! column    columns, and which of them have room
//! jobs      a row for each job
//! programs  a row for each program
//! findings  a row for each of the latest findings and decisions
//! ```

mod column;

mod findings;
mod jobs;
mod programs;

pub use column::{Column, chosen};

use std::cmp::Ordering;

use tracego_report::live::Activity;

use crate::{figures, moment::Moment, tone::Tone};

/// A table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TableKind {
    /// Jobs.
    Jobs,
    /// Programs.
    Programs,
    /// Findings and decisions.
    Findings,
}

/// A cell of a row.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cell {
    /// Text, not safe yet.
    pub text: String,
    /// Meaning.
    pub tone: Tone,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// A row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Identity of what the row is about, whatever its place.
    pub key: String,
    /// Key of the job that its details are about, if it is of one.
    pub job: Option<String>,
    /// A cell for each column.
    pub cells: Vec<Cell>,
}

impl TableKind {
    /// All tables, in the order of the screen.
    pub const ALL: [Self; 3] = [Self::Jobs, Self::Programs, Self::Findings];

    /// Returns the title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Programs => "Programs",
            Self::Findings => "Findings",
        }
    }

    /// Returns the columns.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Jobs => &jobs::COLUMNS,
            Self::Programs => &programs::COLUMNS,
            Self::Findings => &findings::COLUMNS,
        }
    }

    /// Returns the indices of the columns that rows can be sorted by, the one at the start first.
    #[must_use]
    pub fn orders(self) -> &'static [usize] {
        match self {
            Self::Jobs => &jobs::ORDERS,
            Self::Programs => &programs::ORDERS,
            Self::Findings => &findings::ORDERS,
        }
    }

    /// Returns the rows in an order, which is an index of [`Self::orders`], as far as they have the text of a filter.
    #[must_use]
    pub fn rows(self, moment: &Moment<'_>, order: usize, filter: &str) -> Vec<Row> {
        let column = self.orders().get(order).or(self.orders().first()).copied().unwrap_or(0);
        let mut rows = match self {
            Self::Jobs => jobs::rows(moment, column),
            Self::Programs => programs::rows(moment, column),
            Self::Findings => findings::rows(moment, column),
        };
        let filter = filter.to_lowercase();
        if !filter.is_empty() {
            let has = |row: &Row| {
                let mut texts = row.cells.iter().map(|cell| &cell.text).chain(&row.job);
                texts.any(|text| text.to_lowercase().contains(&filter))
            };
            rows.retain(has);
        }
        rows
    }
}

/// Seconds that the rate of now is of.
pub const NOW_S: u32 = 5;
/// Seconds of the longer rate.
pub const MINUTE_S: u32 = 60;

/// Cells that jobs and programs share.
struct ActivityCells {
    starts: Cell,
    now: Cell,
    minute: Cell,
    alive: Cell,
}

impl ActivityCells {
    fn of(activity: &Activity, moment: &Moment<'_>) -> Self {
        let rate = |seconds: u32| {
            let rate = per_second(activity, moment, seconds);
            let tone = if rate > 0.0 { Tone::Strong } else { Tone::Dim };
            Cell { text: figures::rate(rate), tone }
        };
        let alive = if moment.state.knows_ends() { figures::count(activity.alive) } else { "-".to_owned() };
        let tone = if activity.alive > 0 { Tone::Strong } else { Tone::Dim };
        Self {
            starts: figures::count(activity.starts).into(),
            now: rate(NOW_S),
            minute: rate(MINUTE_S),
            alive: Cell { text: alive, tone },
        }
    }
}

/// Returns the starts per second of the last seconds.
fn per_second(activity: &Activity, moment: &Moment<'_>, seconds: u32) -> f64 {
    activity.rate.per_second(moment.time(), seconds, moment.since())
}

/// A row before it has cells: its name, its program starts and other facts.
type Item<'a, T> = (&'a str, &'a Activity, &'a T);

/// Sorts by a number, the largest first; equal ones by what is busier, and then by name.
fn sorted<'a, T>(
    items: impl Iterator<Item = Item<'a, T>>,
    moment: &Moment<'_>,
    number: impl Fn(&Item<'a, T>) -> f64,
) -> Vec<Item<'a, T>> {
    let mut keyed: Vec<_> = items
        .map(|item| {
            let (_, activity, _) = item;
            let now = per_second(activity, moment, NOW_S);
            ([number(&item), now, activity.alive as f64, activity.starts as f64], item)
        })
        .collect();
    keyed.sort_by(|(a, of_a), (b, of_b)| compare(b, a).then_with(|| of_a.0.cmp(of_b.0)));
    keyed.into_iter().map(|(_, item)| item).collect()
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    let unequal = a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
    unequal.unwrap_or(Ordering::Equal)
}
