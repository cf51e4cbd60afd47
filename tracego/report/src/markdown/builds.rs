//! Executions of the go command, with the compilers and linkers that they started.

use std::collections::BTreeMap;

use tracego_golang::role::Role;

use super::document::BoundedDocument;
use crate::{
    escape::{markdown_code, shortened},
    history::{ProgramRun, RunHistory},
    report::shown_time,
};

/// Maximum number of executions that are shown.
const SHOWN_MAX: usize = 50;
/// Number of packages that are named for an execution.
const PACKAGES: usize = 3;

/// The helpers of one execution.
#[derive(Default)]
pub(super) struct HelperTally {
    /// Number of helpers by name, without those that only tell their version.
    pub(super) counts: BTreeMap<String, usize>,
    /// Sum of their run times in nanoseconds.
    pub(super) wall: u64,
    /// Number of those that failed.
    pub(super) failed: usize,
    /// Run times of packages in nanoseconds.
    packages: BTreeMap<String, u64>,
}

impl HelperTally {
    /// Counts a helper.
    pub(super) fn add(&mut self, run: &ProgramRun) {
        let wall = run.wall_ns().unwrap_or(0);
        self.wall = self.wall.saturating_add(wall);
        self.failed += usize::from(run.exit.is_some_and(|exit| exit.code != 0));
        if run.arguments.iter().any(|word| word.starts_with("-V=") || **word == *"-flags") {
            return;
        }
        *self.counts.entry(shortened(run.name(), 30)).or_default() += 1;
        let mut words = run.arguments.iter();
        let package = words.find(|word| ***word == *"-p").and_then(|_| words.next());
        if let Some(package) = package.filter(|_| run.name() == "compile") {
            *self.packages.entry(package.to_string()).or_default() += wall;
        }
    }

    /// Returns the counts in words: `12 compile, 1 link`.
    pub(super) fn counted(&self) -> String {
        let each = self.counts.iter().take(6).map(|(name, count)| format!("{count} {name}"));
        each.collect::<Vec<_>>().join(", ")
    }

    fn slowest(&self) -> String {
        let mut all: Vec<_> = self.packages.iter().collect();
        all.sort_by_key(|(_, wall)| std::cmp::Reverse(**wall));
        let named = all.into_iter().take(PACKAGES);
        let named = named
            .map(|(name, wall)| format!("{} {}", markdown_code(&shortened(name, 80)), shown_time(*wall)));
        named.collect::<Vec<_>>().join(", ")
    }
}

/// Writes the executions of one job, the slowest first.
pub(super) fn write(history: &RunHistory, job: usize, document: &mut BoundedDocument) {
    let mut tallies: BTreeMap<usize, HelperTally> = BTreeMap::new();
    for (at, run) in history.programs.iter().enumerate().filter(|(_, run)| run.job == job) {
        let is_command = matches!(
            run.role,
            Some(
                Role::GoBuild
                    | Role::GoTest
                    | Role::GoRun
                    | Role::GoGenerate
                    | Role::GoTool
                    | Role::GoCommand
            )
        );
        if is_command {
            tallies.entry(at).or_default();
        }
        if let Some(command) = run.go_command.filter(|_| run.role == Some(Role::CompilerHelper)) {
            tallies.entry(command).or_default().add(run);
        }
    }
    if tallies.is_empty() {
        return;
    }
    let mut all: Vec<_> =
        tallies.iter().filter_map(|(at, tally)| Some((history.programs.get(*at)?, tally))).collect();
    all.sort_by_key(|(run, _)| std::cmp::Reverse(run.wall_ns()));
    let rows = all.iter().take(SHOWN_MAX).map(|(run, tally)| {
        let time = run.wall_ns().map_or_else(String::new, shown_time);
        let failed = if tally.failed > 0 { format!(", {} failed", tally.failed) } else { String::new() };
        let command = markdown_code(&run.command_line());
        let counted = crate::escape::markdown_text(&tally.counted());
        let helpers = shown_time(tally.wall);
        format!("| {time} | {command} | {counted}{failed} | {helpers} | {} |\n", tally.slowest())
    });
    let rows: String = rows.collect();
    let heading = "| time | command | compilers and linkers | their time | slowest packages |";
    document.push(&format!("\n### Go builds\n\n{heading}\n|---:|---|---|---:|---|\n{rows}"));
    if all.len() > SHOWN_MAX {
        document.force(&format!("\n… and {} more\n", all.len() - SHOWN_MAX));
    }
}
