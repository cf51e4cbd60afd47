//! Processes, found by their identity, or by pid and start time where a record names no identity.

use std::{collections::HashMap, sync::Arc};

use tracego_model::clock::Time;

use super::program::ExitOutcome;

/// A process.
#[derive(Debug, Default)]
pub(super) struct KnownProcess {
    pub(super) pid: u32,
    pub(super) created: Option<Time>,
    /// Index of the process that forked it.
    pub(super) parent: Option<usize>,
    /// Indices of its program starts.
    pub(super) programs: Vec<usize>,
    pub(super) ended: Option<Time>,
    pub(super) exit: Option<ExitOutcome>,
    /// Name of the task, and path of the executable, of a process without a program start.
    pub(super) name: Option<(Arc<str>, Arc<str>)>,
}

/// Processes by their identity.
#[derive(Debug, Default)]
pub(super) struct ProcessSet {
    pub(super) all: Vec<KnownProcess>,
    by_id: HashMap<Box<str>, usize>,
    by_start: HashMap<(u32, i64), usize>,
}

impl ProcessSet {
    /// Returns a process that is known by its identity.
    pub(super) fn find(&self, exec_id: &str) -> Option<usize> {
        self.by_id.get(exec_id).copied()
    }

    /// Returns the process with an identity, or with a pid and a start time where that is known; adds the process
    /// unless there are `limit` already.
    pub(super) fn get(
        &mut self,
        exec_id: &str,
        pid: u32,
        created: Option<Time>,
        limit: usize,
    ) -> Option<usize> {
        let found = self.find(exec_id).or_else(|| self.by_start.get(&(pid, created?.0)).copied());
        let at = match found {
            Some(at) => at,
            None if self.all.len() < limit => {
                self.all.push(KnownProcess { pid, ..KnownProcess::default() });
                self.all.len() - 1
            }
            None => return None,
        };
        if !exec_id.is_empty() && !self.by_id.contains_key(exec_id) {
            self.by_id.insert(exec_id.into(), at);
        }
        let process = self.all.get_mut(at)?;
        if process.pid == 0 {
            process.pid = pid;
        }
        if let (Some(time), None) = (created, process.created) {
            process.created = Some(time);
            self.by_start.entry((pid, time.0)).or_insert(at);
        }
        Some(at)
    }

    /// Returns the nearest process above one that executed a program, and the process of its line that it forked.
    /// A line that is a circle ends.
    pub(super) fn above(&self, of: usize) -> Option<(usize, &KnownProcess)> {
        let mut below = of;
        let mut left = ANCESTORS_MAX;
        loop {
            let process = self.all.get(below)?;
            let above = process.parent?;
            if !self.all.get(above)?.programs.is_empty() {
                return Some((above, process));
            }
            left = usize::checked_sub(left, 1)?;
            below = above;
        }
    }
}

/// Maximum number of processes without a program between a process and its parent with one.
const ANCESTORS_MAX: usize = 160;
