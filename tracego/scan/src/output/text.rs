//! Text for people.

use std::io::{self, Write};

use tracego_model::{finding::Severity, text::printable};

use super::ScanOutcome;
use crate::finding::ScanFinding;

/// Number of characters of a line that are shown.
const WIDTH: usize = 160;

pub(super) fn write(outcome: &ScanOutcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in outcome.report.findings.iter().filter(|finding| finding.counts()) {
        write_finding(finding, outcome.has_colours, out)?;
    }
    for problem in &outcome.report.suppression_problems {
        writeln!(out, "{}:{}: {}", printable(&problem.path), problem.line, printable(&problem.message))?;
    }
    for entry in outcome.stale {
        let (path, rule, subject) =
            (printable(&entry.path), printable(&entry.rule), printable(&entry.subject));
        writeln!(out, "{path}: the baseline has {rule} {subject}, which is gone; write the baseline again")?;
    }
    Ok(())
}

fn write_finding(finding: &ScanFinding, has_colours: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = |text: &str, code: &str| match has_colours {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let colour = match finding.case.severity {
        Severity::Critical | Severity::High => "1;31",
        Severity::Medium => "1;33",
        Severity::Low => "36",
    };
    let place = format!("{}:{}:{}", printable(&finding.path), finding.start.line, finding.start.column);
    let (id, name) = (finding.case.rule.id, finding.case.rule.name);
    writeln!(
        out,
        "{}: {} {id} {name}: {}",
        paint(&place, "1"),
        paint(finding.case.severity.name(), colour),
        printable(&finding.case.message)
    )?;
    let number = finding.start.line.to_string();
    let blank = " ".repeat(number.len());
    let (line, start, length) = excerpt(finding);
    writeln!(out, " {number} | {line}")?;
    writeln!(out, " {blank} | {}{}", " ".repeat(start), paint(&"^".repeat(length), colour))?;
    for step in &finding.callers {
        let (path, position) = (printable(&step.path), step.position.line);
        writeln!(out, " {blank}   by  {path}:{position}: {}", printable(&cut(&step.line)))?;
    }
    writeln!(out, " {blank}   fix {}", finding.remedy)
}

/// Returns the line with visible characters alone, and where the finding is in it.
fn excerpt(finding: &ScanFinding) -> (String, usize, usize) {
    let characters: Vec<char> = finding.line.replace('\t', " ").chars().collect();
    let index = |column: usize| (column - 1).saturating_sub(finding.line_offset).min(characters.len());
    let start = index(finding.start.column);
    let end =
        if finding.end.line == finding.start.line { index(finding.end.column) } else { characters.len() };
    // A long line is shown around the finding.
    let from = if characters.len() > WIDTH { start.saturating_sub(WIDTH / 4) } else { 0 };
    let shown = |from: usize, to: usize| -> String {
        let part: String =
            characters.get(from..to.min(characters.len()).max(from)).unwrap_or_default().iter().collect();
        printable(&part)
    };
    let until = end.clamp(start, from + WIDTH).max(start);
    let length = shown(start, until).chars().count().max(1);
    (shown(from, from + WIDTH), shown(from, start).chars().count(), length)
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WIDTH {
        text.to_owned()
    } else {
        text.chars().take(WIDTH - 1).chain(['…']).collect()
    }
}
