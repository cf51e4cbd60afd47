//! The slowest commands of a job, and a chart of the longest.

use tracego_golang::role::Role;

use super::document::BoundedDocument;
use crate::{
    escape::{markdown_code, mermaid_name},
    history::{ProgramRun, RunHistory},
    report::shown_time,
};

/// Number of commands in the table.
const SLOWEST: usize = 20;
/// Maximum number of bars in the chart.
const BARS: usize = 30;
/// Part of the job's run time, in percent, from which on a command has a bar.
const PERCENT: u64 = 1;
/// Maximum length of the name of a bar.
const NAME_MAX: usize = 40;

/// Writes the slowest commands and the chart of one job, if run times are known.
pub(super) fn write(history: &RunHistory, job: usize, document: &mut BoundedDocument) {
    let mut timed: Vec<(&ProgramRun, u64)> = history
        .programs
        .iter()
        .filter(|run| run.job == job && run.role != Some(Role::CompilerHelper))
        .filter_map(|run| Some((run, run.wall_ns()?)))
        .collect();
    if timed.is_empty() {
        return;
    }
    timed.sort_by_key(|(_, wall)| std::cmp::Reverse(*wall));
    let rows = timed.iter().take(SLOWEST).map(|(run, wall)| {
        let exit = run.exit.map_or_else(String::new, |exit| match exit.signal {
            Some(signal) => format!("signal {signal}"),
            None => exit.code.to_string(),
        });
        let memory = run.exit.map_or(0, |exit| exit.max_rss_bytes);
        let memory = if memory > 0 { format!("{} MiB", memory.div_ceil(1 << 20)) } else { String::new() };
        format!("| {} | {} | {exit} | {memory} |\n", shown_time(*wall), markdown_code(&run.command_line()))
    });
    let rows: String = rows.collect();
    document.push(&format!(
        "\n### Slowest commands\n\n| time | command | exit | peak memory |\n|---:|---|---:|---:|\n{rows}"
    ));
    chart(history, job, &timed, document);
}

fn chart(history: &RunHistory, job: usize, timed: &[(&ProgramRun, u64)], document: &mut BoundedDocument) {
    let Some(job) = history.jobs.get(job) else { return };
    let least = job.wall_ns() / 100 * PERCENT;
    let mut bars: Vec<_> = timed.iter().filter(|(_, wall)| *wall > least).take(BARS).collect();
    if bars.len() < 2 {
        return;
    }
    bars.sort_by_key(|(run, _)| run.began);
    let mut text = String::from("\n```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n");
    for (run, wall) in bars {
        let failed = run.exit.is_some_and(|exit| exit.code != 0);
        let began = run.began.0 / 1_000_000;
        let ended = began + i64::try_from(wall / 1_000_000).unwrap_or(i64::MAX / 2).max(1);
        // The number ahead keeps a command from beginning with a keyword of Mermaid.
        let name = mermaid_name(&run.command_line(), NAME_MAX);
        let state = if failed { "crit, " } else { "" };
        text.push_str(&format!("    {} {name} :{state}{began}, {ended}\n", run.pid));
    }
    text.push_str("```\n");
    document.push(&text);
}
