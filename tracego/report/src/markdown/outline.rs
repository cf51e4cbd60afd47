//! The tree of processes, with compilers folded.

use tracego_golang::role::Role;

use super::{builds::HelperTally, document::BoundedDocument};
use crate::{
    history::{ProgramRun, RunHistory},
    report::shown_time,
};

/// Maximum depth that is shown by indentation.
const DEPTH_MAX: usize = 40;
/// Fence of the block. No command begins a line, so none can close it.
const FENCE: &str = "````";

/// Writes the tree of one job within what room is left.
pub(super) fn write(history: &RunHistory, job: usize, document: &mut BoundedDocument) {
    let lines = lines(history, job);
    if lines.is_empty() {
        return;
    }
    let total = lines.len();
    document.push(&format!("\n<details><summary>All processes ({total} lines)</summary>\n\n{FENCE}text\n"));
    let bytes = document.left();
    let missing = document.push_all(lines.into_iter(), bytes);
    document.force(&format!("{FENCE}\n"));
    if missing > 0 {
        document.force(&format!("\n… and {missing} more lines; `tracego show --tree` prints all\n"));
    }
    document.force("\n</details>\n");
}

fn lines(history: &RunHistory, job: usize) -> Vec<String> {
    let (below, _) = history.children();
    let is_here = |at: &usize| history.programs[*at].job == job;
    let is_root = |at: &usize| {
        is_here(at) && history.programs[*at].parent.is_none_or(|parent| history.programs[parent].job != job)
    };
    let mut stack: Vec<(usize, usize)> =
        (0..history.programs.len()).rev().filter(is_root).map(|at| (at, 0)).collect();
    let mut lines = Vec::new();
    while let Some((at, depth)) = stack.pop() {
        let run = &history.programs[at];
        lines.push(line(run, depth));
        let mut helpers = HelperTally::default();
        let mut folded = 0;
        let mut children = Vec::new();
        for child in below[at].iter().copied().filter(is_here) {
            if history.programs[child].role == Some(Role::CompilerHelper) && below[child].is_empty() {
                helpers.add(&history.programs[child]);
                folded += 1;
            } else {
                children.push((child, depth + 1));
            }
        }
        if folded > 0 {
            let counted = tracego_model::text::printable(&helpers.counted());
            let counted = if counted.is_empty() { String::new() } else { format!(": {counted}") };
            let indent = "  ".repeat(depth.min(DEPTH_MAX));
            let time = shown_time(helpers.wall);
            lines.push(format!("        {indent}  └ {folded} compilers and linkers{counted} ({time})\n"));
        }
        stack.extend(children.into_iter().rev());
    }
    lines
}

fn line(run: &ProgramRun, depth: usize) -> String {
    let indent = match depth.min(DEPTH_MAX) {
        0 => String::new(),
        depth => format!("{}└ ", "  ".repeat(depth - 1)),
    };
    let time = run.wall_ns().map_or_else(String::new, |wall| format!("  {}", shown_time(wall)));
    let exit = match run.exit {
        Some(exit) if exit.code != 0 => match exit.signal {
            Some(signal) => format!("  signal={signal}"),
            None => format!("  exit={}", exit.code),
        },
        _ => String::new(),
    };
    format!("{:>7} {indent}{}{time}{exit}\n", run.pid, run.command_line())
}
