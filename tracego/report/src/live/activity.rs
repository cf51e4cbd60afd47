//! Program starts of jobs and of programs, in a table of bounded size.

use std::{collections::HashMap, sync::Arc};

use tracego_model::clock::Time;

use super::rate::StartRate;

/// Program starts of one job or one program.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Number of program starts.
    pub starts: u64,
    /// Number of processes that started and did not end.
    pub alive: u64,
    /// Program starts by second.
    pub rate: StartRate,
    /// First program start.
    pub first: Option<Time>,
    /// Last program start, end or finding.
    pub last: Option<Time>,
}

impl Activity {
    /// Counts a program start.
    pub(super) fn started(&mut self, time: Time) {
        self.starts += 1;
        self.rate.add(time);
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.touched(time);
    }

    /// Notes that something happened.
    pub(super) fn touched(&mut self, time: Time) {
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

/// A row of a table.
#[derive(Clone, Debug, Default)]
pub struct ActivityRow<T> {
    /// Program starts.
    pub activity: Activity,
    /// Other facts.
    pub facts: T,
}

/// Rows by their keys. If there are too many, those that were idle for the longest time are forgotten and counted; where
/// none is idle, a new key shares the row of the empty one.
#[derive(Clone, Debug)]
pub struct ActivityTable<T> {
    limit: usize,
    rows: HashMap<Arc<str>, ActivityRow<T>>,
    /// Number of rows that were forgotten.
    pub forgotten: u64,
    /// Number of times that a key had no room for a row of its own.
    pub shared: u64,
}

impl<T: Default> ActivityTable<T> {
    /// Creates a table of at most `limit` rows.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), rows: HashMap::new(), forgotten: 0, shared: 0 }
    }

    /// Returns the key of the row for a key; adds the row.
    pub(super) fn key(&mut self, key: &str) -> Arc<str> {
        if let Some((known, _)) = self.rows.get_key_value(key) {
            return Arc::clone(known);
        }
        if self.rows.len() >= self.limit && !key.is_empty() {
            self.forget_idle();
            if self.rows.len() >= self.limit {
                self.shared += 1;
                return self.key("");
            }
        }
        let key: Arc<str> = key.into();
        self.rows.insert(Arc::clone(&key), ActivityRow::default());
        key
    }

    /// Forgets a quarter of the rows, of those without a living process: the ones that were idle for the longest time.
    fn forget_idle(&mut self) {
        let is_idle = |(key, row): &(&Arc<str>, &ActivityRow<T>)| row.activity.alive == 0 && !key.is_empty();
        let idle = self.rows.iter().filter(is_idle);
        let mut idle: Vec<_> = idle.map(|(key, row)| (row.activity.last, Arc::clone(key))).collect();
        idle.sort();
        for (_, key) in idle.into_iter().take((self.limit / 4).max(1)) {
            self.rows.remove(&key);
            self.forgotten += 1;
        }
    }

    /// Returns the row of a key.
    pub(super) fn row(&mut self, key: &str) -> Option<&mut ActivityRow<T>> {
        self.rows.get_mut(key)
    }

    /// Returns the row of a key, if the table has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ActivityRow<T>> {
        self.rows.get(key)
    }

    /// Returns all rows with their keys, in any order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &ActivityRow<T>)> {
        self.rows.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_rows_make_room_and_are_counted() {
        let mut table: ActivityTable<()> = ActivityTable::new(4);
        for n in 0..4 {
            let key = table.key(&format!("job{n}"));
            table.row(&key).unwrap().activity.started(Time(n));
        }
        table.row("job0").unwrap().activity.alive = 1;
        assert_eq!(&*table.key("job4"), "job4");
        assert!(table.get("job0").is_some() && table.get("job1").is_none());
        assert_eq!((table.forgotten, table.shared, table.iter().count()), (1, 0, 4));
    }

    #[test]
    fn without_an_idle_row_the_empty_key_is_shared() {
        let mut table: ActivityTable<()> = ActivityTable::new(2);
        for key in ["a", "b"] {
            table.key(key);
            table.row(key).unwrap().activity.alive = 1;
        }
        assert_eq!(&*table.key("c"), "");
        assert_eq!(&*table.key("d"), "");
        assert_eq!((table.forgotten, table.shared, table.iter().count()), (0, 2, 3));
    }
}
