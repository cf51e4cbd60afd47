//! Members of the input that policies read, as far as their source shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::syntax::{NextPart, Reference};

/// Members that differ for each process: decisions of policies that read them are not worth caching.
const VOLATILE: &[&[&str]] = &[
    &["timestamp"],
    &["observed_timestamp"],
    &["trace_id"],
    &["span_id"],
    &["trace_flags"],
    &["log"],
    &["seq"],
    &["process", "pid"],
    &["process", "vpid"],
    &["process", "parent_pid"],
    &["process", "creation"],
    &["process", "exit"],
    &["process", "group_leader"],
    &["process", "session_leader"],
    &["tracego", "exec_id"],
    &["tracego", "exit"],
    &["tracego", "ledger"],
    &["tracego", "privileges"],
    &["tracego", "sinks"],
];

/// Members that depend on the arguments of a start alone.
const ARGUMENTS: &[&[&str]] = &[
    &["event_name"],
    &["process", "args"],
    &["process", "args_count"],
    &["process", "argv"],
    &["process", "command_args"],
];

/// The members that a set of policies reads.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct InputUse {
    /// Paths below `input`.
    pub(crate) paths: BTreeSet<Vec<String>>,
    /// Whether the whole input is used somewhere.
    pub(crate) whole: bool,
    /// Reason why decisions are not cached; `None` if they may be.
    pub(crate) uncacheable: Option<String>,
}

impl InputUse {
    /// Adds the members that a reference reads.
    pub(super) fn reference(&mut self, reference: &Reference<'_>) {
        if reference.root == "input" {
            self.path(&reference.path, reference.then);
        }
    }

    fn path(&mut self, path: &[String], then: NextPart) {
        if path.is_empty() {
            self.whole = true;
            let how = if then == NextPart::Variable { "input[…]" } else { "the whole input" };
            self.uncacheable.get_or_insert_with(|| format!("a rule reads {how}"));
            return;
        }
        let related =
            |volatile: &&&[&str]| path.iter().zip(volatile.iter()).all(|(part, volatile)| part == volatile);
        if let Some(volatile) = VOLATILE.iter().find(related) {
            let member = volatile.join(".");
            let within = if path.len() < volatile.len() { ", which has " } else { "" };
            let shown = if within.is_empty() { String::new() } else { path.join(".") };
            self.uncacheable
                .get_or_insert_with(|| format!("a rule reads input.{shown}{within}{member} of each process"));
        }
        self.paths.insert(path.to_vec());
    }

    /// Adds the environment variable of `data.env.NAME`.
    pub(super) fn variable(&mut self, name: &str) {
        self.paths.insert(["process", "env", name].map(str::to_owned).to_vec());
    }

    /// Adds a call, which may read the clock.
    pub(super) fn call(&mut self, name: &str) {
        if name == "time.now_ns" {
            self.uncacheable.get_or_insert_with(|| "a rule reads the clock".to_owned());
        }
    }

    /// Whether the arguments alone decide, of all that differs from start to start.
    pub(crate) fn is_arguments_alone(&self) -> bool {
        let known = |path: &Vec<String>| {
            ARGUMENTS.iter().any(|known| path.iter().map(String::as_str).eq(known.iter().copied()))
        };
        self.uncacheable.is_none() && !self.whole && self.paths.iter().all(known)
    }

    /// Adds the members that other policies read.
    pub(crate) fn join(&mut self, other: &Self) {
        self.paths.extend(other.paths.iter().cloned());
        self.whole |= other.whole;
        if self.uncacheable.is_none() {
            self.uncacheable.clone_from(&other.uncacheable);
        }
    }
}
