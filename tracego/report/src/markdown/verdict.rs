//! The verdict: what was found, what was stopped, what is missing, for which commit and job.

use tracego_model::finding::Severity;

use super::document::BoundedDocument;
use crate::{
    escape::{markdown_code, markdown_text, shortened},
    history::{RecordCompleteness, ReportedJob, RunHistory, SealVerdict, StopEffect},
    report::{RunReport, shown_time},
};

/// Maximum number of problems of lines that are shown.
const PROBLEMS_MAX: usize = 5;

/// Writes the verdict.
pub(super) fn write(report: &RunReport, document: &mut BoundedDocument) {
    let history = &report.history;
    let counts = counts(history);
    let stopped = stops(history, |effect| *effect == StopEffect::Stopped);
    let sign = match history.worst() {
        Some(worst) if worst >= Severity::High => "❌",
        _ if stopped > 0 => "❌",
        Some(_) => "⚠️",
        None if !history.completeness.is_whole() => "⚠️",
        None => "✅",
    };
    let mut text = format!("## {sign} tracego: {}\n\n| | |\n|---|---|\n", heading(&counts, stopped));
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("| {name} | {value} |\n"));
        }
    };
    if let [job] = history.jobs.as_slice() {
        row("Commit", commit(job));
        row("Job", name(job));
    } else {
        row("Jobs", jobs(&history.jobs));
    }
    row("Findings", if counts.is_empty() { "none".to_owned() } else { counts });
    row("Stopped", stop_counts(history));
    row("Program starts", starts(history));
    row("Complete", complete(&history.completeness));
    row("Seal", seal(&history.completeness.seal));
    if let Some(comparison) = &report.comparison {
        let new = comparison.new.len();
        let runs = comparison.runs;
        let few = if comparison.is_settled() { "" } else { ", too few for findings" };
        row("Baseline", format!("{new} new processes since {runs} runs{few}"));
    }
    document.push(&text);
}

fn heading(counts: &str, stopped: usize) -> String {
    let found = if counts.is_empty() { "no findings".to_owned() } else { format!("findings: {counts}") };
    if stopped > 0 { format!("{found}, {stopped} stopped") } else { found }
}

fn counts(history: &RunHistory) -> String {
    let each = history.by_severity().into_iter().map(|(severity, count)| format!("{count} {severity}"));
    each.collect::<Vec<_>>().join(", ")
}

fn stops(history: &RunHistory, is: impl Fn(&StopEffect) -> bool) -> usize {
    history.stops.iter().filter(|stop| is(&stop.effect)).count()
}

fn stop_counts(history: &RunHistory) -> String {
    let parts = [
        (stops(history, |effect| *effect == StopEffect::Stopped), "stopped"),
        (stops(history, |effect| matches!(effect, StopEffect::Escaped(_))), "could not be stopped"),
        (stops(history, |effect| *effect == StopEffect::Audited), "would be stopped"),
    ];
    let shown = parts.into_iter().filter(|(count, _)| *count > 0);
    shown.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

fn starts(history: &RunHistory) -> String {
    let left_out = history.completeness.programs_left_out;
    let began = history.jobs.iter().filter_map(|job| job.began).min();
    let ended = history.jobs.iter().filter_map(|job| job.ended).max();
    let wall = began.zip(ended).map_or(0, |(began, ended)| u64::try_from(ended.0 - began.0).unwrap_or(0));
    let mut text = format!("{} in {}", history.programs.len() as u64 + left_out, shown_time(wall));
    if left_out > 0 {
        text.push_str(&format!(", {left_out} of them not in this report"));
    }
    if history.completeness.failed_starts > 0 {
        text.push_str(&format!(", {} more failed", history.completeness.failed_starts));
    }
    text
}

/// Returns what is missing, in one cell.
fn complete(completeness: &RecordCompleteness) -> String {
    let mut parts = Vec::new();
    if completeness.lost_total() > 0 {
        let each =
            completeness.lost.iter().map(|(reason, count)| format!("{} {count}", markdown_code(reason)));
        parts.push(format!("**lost**: {}", each.take(10).collect::<Vec<_>>().join(", ")));
    }
    if completeness.unread_lines > 0 {
        let named = completeness.problems.iter().take(PROBLEMS_MAX);
        let named = named.map(|problem| markdown_code(&shortened(&problem.to_string(), 200)));
        let lines = completeness.unread_lines;
        parts.push(format!("**{lines} lines could not be read**: {}", named.collect::<Vec<_>>().join(", ")));
    }
    if completeness.undecided > 0 {
        parts.push(format!("**policies gave no decision** about {} starts", completeness.undecided));
    }
    if completeness.findings_left_out > 0 {
        parts.push(format!("{} findings are not in this report", completeness.findings_left_out));
    }
    if parts.is_empty() {
        parts.push("nothing lost".to_owned());
    }
    let missing = completeness.missing_numbers();
    let records = completeness.records;
    parts.push(match missing {
        0 => format!("{records} records without a gap"),
        missing => format!("{records} records; {missing} numbers between them are filtered or missing"),
    });
    if !completeness.has_exits {
        parts.push("no ends were recorded (`-e execve,exit`), so run times are unknown".to_owned());
    }
    if completeness.selected > 0 {
        parts.push(format!("{} records have chosen members alone", completeness.selected));
    }
    parts.join("; ")
}

fn seal(seal: &SealVerdict) -> String {
    match seal {
        SealVerdict::NotSealed => "not sealed".to_owned(),
        SealVerdict::Unchecked(reason) => format!("not checked: {}", markdown_text(reason)),
        SealVerdict::Whole { records, signed: true } => format!("whole, every record is proven ({records})"),
        SealVerdict::Whole { records, signed: false } => {
            format!("whole ({records} records), signatures not checked")
        }
        SealVerdict::Unproven { records } => {
            format!("no damage, but the end is not proven ({records} records)")
        }
        SealVerdict::Damaged(text) => format!("**damaged**: {}", markdown_text(text)),
    }
}

fn commit(job: &ReportedJob) -> String {
    let revision = job.attribute("vcs.ref.head.revision");
    let mut parts = Vec::new();
    if !revision.is_empty() {
        parts.push(markdown_code(revision));
    }
    for (attribute, before) in [("vcs.ref.head.name", "at "), ("vcs.repository.url.full", "of ")] {
        let value = job.attribute(attribute);
        if !value.is_empty() {
            parts.push(format!("{before}{}", markdown_code(value)));
        }
    }
    if job.is_change {
        parts.push("(pull request)".to_owned());
    }
    parts.join(" ")
}

fn name(job: &ReportedJob) -> String {
    let parts = ["cicd.pipeline.name", "cicd.pipeline.task.name"].map(|name| job.attribute(name));
    let names: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).map(markdown_code).collect();
    let mut text = names.join(" / ");
    if !job.id.is_empty() {
        text = format!("{text} {}", markdown_code(&job.id));
    }
    let system = job.attribute("cicd.system.component");
    if !system.is_empty() {
        text = format!("{text} on {}", markdown_text(system));
    }
    text.trim().to_owned()
}

fn jobs(jobs: &[ReportedJob]) -> String {
    let named: Vec<_> =
        jobs.iter().filter(|job| !job.id.is_empty()).take(8).map(|job| markdown_code(&job.id)).collect();
    match jobs.len() {
        0 => String::new(),
        count => format!("{count}: {}{}", named.join(", "), if count > 8 { ", …" } else { "" }),
    }
}

/// Returns the heading of the section of one job.
pub(super) fn job_heading(job: &ReportedJob) -> String {
    let name = if job.id.is_empty() { "Programs of no job".to_owned() } else { format!("Job {}", name(job)) };
    let commit = commit(job);
    format!("\n## {name}\n\n{commit}\n\n")
}
