//! Findings with ancestors and remediation, and starts that were stopped.

use std::collections::BTreeMap;

use tracego_model::finding::Severity;

use super::document::BoundedDocument;
use crate::{
    escape::{markdown_code, markdown_text, shortened},
    history::{ReportedFinding, RunHistory, SourcePlace, StopEffect, StoppedStart},
    report::RunReport,
};

/// Maximum number of findings that are written one by one.
const SHOWN_MAX: usize = 50;
/// Maximum size of all findings in bytes.
const SIZE_MAX: usize = 300 << 10;
/// Maximum number of values that decided a finding.
const EVIDENCE_MAX: usize = 6;
/// Maximum length of a text, in characters.
const TEXT_MAX: usize = 500;

/// Equal findings, with their number.
struct FindingGroup<'a> {
    first: &'a ReportedFinding,
    times: usize,
}

/// Writes the findings, the worst first, and the stopped starts.
pub(super) fn write(report: &RunReport, document: &mut BoundedDocument) {
    stopped(&report.history, document);
    if report.history.findings.is_empty() {
        return;
    }
    document.push("\n### Findings\n");
    let groups = groups(&report.history.findings);
    let shown = groups.iter().take(SHOWN_MAX).map(finding);
    let missing = document.push_all(shown, SIZE_MAX);
    let written = groups.len().min(SHOWN_MAX) - missing;
    let mut others: BTreeMap<(std::cmp::Reverse<Severity>, String), usize> = BTreeMap::new();
    for group in groups.iter().skip(written) {
        let key = (std::cmp::Reverse(group.first.severity), group.first.title());
        *others.entry(key).or_default() += group.times;
    }
    let more = others.into_iter().map(|((severity, title), count)| {
        format!("\n- {count} more of {} {}", severity.0, markdown_text(&shortened(&title, 100)))
    });
    let lines: Vec<String> = more.take(100).collect();
    if !lines.is_empty() {
        document.push(&format!("{}\n", lines.concat()));
    }
}

fn groups(findings: &[ReportedFinding]) -> Vec<FindingGroup<'_>> {
    let mut groups: Vec<FindingGroup<'_>> = Vec::new();
    let mut known: BTreeMap<(&str, &str, Severity), usize> = BTreeMap::new();
    for finding in findings {
        let key = (finding.id.as_str(), finding.message.as_str(), finding.severity);
        match known.get(&key).and_then(|&at| groups.get_mut(at)) {
            Some(group) => group.times += 1,
            None => {
                known.insert(key, groups.len());
                groups.push(FindingGroup { first: finding, times: 1 });
            }
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.first.severity));
    groups
}

fn finding(group: &FindingGroup<'_>) -> String {
    let found = group.first;
    let short = |text: &str| markdown_text(&shortened(text, TEXT_MAX));
    let times = if group.times > 1 { format!(" ({} times)", group.times) } else { String::new() };
    let mut text =
        format!("\n**{} {}**{times}: {}\n", found.severity, short(&found.title()), short(&found.message));
    let command = markdown_code(&shortened(&found.command, TEXT_MAX));
    let above =
        found.ancestors.iter().map(|above| format!("{} ({})", markdown_code(&above.command), above.pid));
    let line: Vec<_> = above.chain([format!("{command} ({})", found.pid)]).collect();
    text.push_str(&format!("- by {}\n", line.join(" → ")));
    if let Some((place, callers)) = found.places.split_first() {
        let named = |place: &SourcePlace| markdown_code(&format!("{}:{}", place.path, place.line));
        let callers: Vec<_> = callers.iter().map(named).collect();
        let by =
            if callers.is_empty() { String::new() } else { format!(", called by {}", callers.join(", ")) };
        text.push_str(&format!("- at {}{by}\n", named(place)));
    }
    if !found.remedy.is_empty() {
        text.push_str(&format!("- fix: {}\n", short(&found.remedy)));
    }
    let evidence = found.evidence.iter().take(EVIDENCE_MAX).map(|(name, value)| {
        format!("{} = {}", markdown_code(&shortened(name, 100)), markdown_code(&shortened(value, 200)))
    });
    let evidence: Vec<_> = evidence.collect();
    if !evidence.is_empty() {
        text.push_str(&format!("- because {}\n", evidence.join(", ")));
    }
    text
}

fn stopped(history: &RunHistory, document: &mut BoundedDocument) {
    if history.stops.is_empty() {
        return;
    }
    document.push("\n### Stopped\n\n| program | rule | what happened |\n|---|---|---|\n");
    let shown = history.stops.iter().take(SHOWN_MAX).map(stop);
    let missing = document.push_all(shown, SIZE_MAX) + history.stops.len().saturating_sub(SHOWN_MAX);
    if missing > 0 {
        document.force(&format!("\n… and {missing} more\n"));
    }
}

fn stop(stop: &StoppedStart) -> String {
    let what = match &stop.effect {
        StopEffect::Stopped => "stopped".to_owned(),
        StopEffect::Audited => "would be stopped".to_owned(),
        StopEffect::Escaped(reason) => {
            format!("could not be stopped: {}", markdown_text(&shortened(reason, 200)))
        }
    };
    let message = markdown_text(&shortened(&stop.message, TEXT_MAX));
    let (command, rule) =
        (markdown_code(&shortened(&stop.command, 200)), markdown_code(&shortened(&stop.rule, 100)));
    let between = if message.is_empty() { "" } else { ": " };
    format!("| {command} ({}) | {rule} | {what}{between}{message} |\n", stop.pid)
}
