//! The lines above the tables: machine, rates, findings and losses.

use tracego_model::finding::Severity;
use tracego_report::live::FindingGrade;

use crate::{
    figures::{age, count, day_and_time, rate},
    moment::Moment,
    table::{MINUTE_S, NOW_S},
    tone::{Piece, Tone},
};

/// Number of lines.
pub(crate) const LINES: usize = 5;
/// Maximum number of reasons of losses that are named.
const REASONS_MAX: usize = 6;

/// Returns the lines.
pub(crate) fn lines(moment: &Moment<'_>) -> [Vec<Piece>; LINES] {
    [machine(moment), starts(moment), findings(moment), losses(moment), source(moment)]
}

fn plain(text: impl Into<String>) -> Piece {
    Piece::new(Tone::Plain, text)
}

/// Returns the machines, and since when they are recorded.
fn machine(moment: &Moment<'_>) -> Vec<Piece> {
    let state = moment.state;
    let mut hosts: Vec<_> = state.hosts.iter().collect();
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    let mut line = vec![Piece::new(Tone::Title, "tracego top")];
    if let Some(host) = hosts.first() {
        line.extend([plain("  "), Piece::new(Tone::Strong, host.name.clone())]);
        if !host.node.is_empty() && host.node != host.name {
            line.push(plain(format!(" (node {})", host.node)));
        }
        if hosts.len() > 1 {
            line.push(plain(format!(" and {} more machines", hosts.len() - 1)));
        }
        let since = hosts.iter().map(|host| host.since).max().unwrap_or_default();
        let length = age(since, moment.time());
        line.push(plain(format!("  recorded since {} ({length})", day_and_time(since))));
    }
    line
}

fn starts(moment: &Moment<'_>) -> Vec<Piece> {
    let state = moment.state;
    let total = &state.total;
    let per_second = |seconds: u32| rate(total.rate.per_second(moment.time(), seconds, moment.since()));
    let alive = if state.knows_ends() { count(total.alive) } else { "unknown (no ends recorded)".to_owned() };
    let jobs = state.jobs.iter().filter(|(key, row)| !key.is_empty() && row.activity.starts > 0);
    let alive_in: Vec<u64> = jobs.map(|(_, row)| row.activity.alive).collect();
    let active = alive_in.iter().filter(|alive| **alive > 0).count();
    let mut line = vec![
        plain("Starts "),
        Piece::new(Tone::Strong, count(total.starts)),
        plain("  now "),
        Piece::new(Tone::Strong, format!("{}/s", per_second(NOW_S))),
        plain(format!("  1 min {}/s  alive ", per_second(MINUTE_S))),
        Piece::new(Tone::Strong, alive),
        plain(format!("  jobs {}", count(alive_in.len() as u64))),
    ];
    if state.knows_ends() {
        line.push(plain(format!(", {} running", count(active as u64))));
    }
    if state.completeness.failed_starts > 0 {
        line.push(plain(format!("  failed attempts {}", count(state.completeness.failed_starts))));
    }
    let forgotten = [
        (state.jobs.forgotten, "jobs forgotten"),
        (state.jobs.shared, "records of jobs without room"),
        (state.programs.forgotten, "programs forgotten"),
        (state.processes.forgotten, "processes forgotten"),
    ];
    for (number, name) in forgotten.into_iter().filter(|(number, _)| *number > 0) {
        line.push(Piece::new(Tone::Dim, format!("  {} {name}", count(number))));
    }
    line
}

fn findings(moment: &Moment<'_>) -> Vec<Piece> {
    let counts = &moment.state.findings.counts;
    let mut line = vec![plain("Findings ")];
    let all = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    let mut separator = "";
    for severity in all.into_iter().filter(|severity| counts.of(*severity) > 0) {
        let tone = Tone::of(FindingGrade::Found(severity));
        line.push(plain(separator));
        line.push(Piece::new(tone, format!("{} {severity}", count(counts.of(severity)))));
        separator = ", ";
    }
    if counts.findings() == 0 {
        line.push(Piece::new(Tone::Good, "none"));
    }
    if counts.decisions() > 0 {
        line.push(plain("  decisions "));
        let all = [
            (counts.stopped, FindingGrade::Stopped),
            (counts.audited, FindingGrade::Audited),
            (counts.escaped, FindingGrade::Escaped),
        ];
        let mut separator = "";
        for (number, grade) in all.into_iter().filter(|(number, _)| *number > 0) {
            line.push(plain(separator));
            line.push(Piece::new(Tone::of(grade), format!("{} {}", count(number), grade.name())));
            separator = ", ";
        }
    }
    line
}

fn losses(moment: &Moment<'_>) -> Vec<Piece> {
    let lacks = &moment.state.completeness;
    let mut line = vec![plain("Lost ")];
    if lacks.lost.is_empty() {
        line.push(Piece::new(Tone::Good, "nothing"));
    } else {
        let mut reasons: Vec<_> = lacks.lost.iter().collect();
        reasons.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
        let named =
            reasons.iter().take(REASONS_MAX).map(|(reason, number)| format!("{reason} {}", count(**number)));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = reasons.len().saturating_sub(REASONS_MAX);
        let more = if more > 0 { format!(", and {more} more reasons") } else { String::new() };
        line.push(Piece::new(Tone::Bad, format!("{}: {named}{more}", count(lacks.lost_total()))));
    }
    let others = [
        (lacks.undecided, "starts without a decision of policies"),
        (lacks.findings_left_out, "findings that could not be read"),
        (lacks.unread_lines, "lines that could not be read"),
    ];
    for (number, name) in others.into_iter().filter(|(number, _)| *number > 0) {
        line.push(Piece::new(Tone::Bad, format!("  {} {name}", count(number))));
    }
    if let Some(problem) = lacks.problems.last() {
        line.push(plain(format!(" ({problem})")));
    }
    line
}

fn source(moment: &Moment<'_>) -> Vec<Piece> {
    let mut line = Vec::new();
    if let Some(note) = moment.note {
        line.push(Piece::new(if note.is_bad { Tone::Bad } else { Tone::Dim }, note.text.clone()));
    }
    if let Some(newest) = moment.state.newest.filter(|_| moment.is_past()) {
        let text = format!("The last record is of {}: shown as of then", day_and_time(newest));
        let gap = if line.is_empty() { "" } else { "  " };
        line.push(Piece::new(Tone::Warning, format!("{gap}{text}")));
    }
    line
}
