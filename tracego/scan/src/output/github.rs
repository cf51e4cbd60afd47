//! Annotations of GitHub Actions, as workflow commands.
//!
//! Source: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use tracego_model::{finding::Severity, text::printable_lines};

use super::ScanOutcome;

/// Number of annotations of each level that a step shows.
const SHOWN: usize = 10;

pub(super) fn write(outcome: &ScanOutcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut counts = [0_usize; 3];
    for finding in outcome.counted() {
        let (index, level) = match finding.case.severity {
            Severity::High | Severity::Critical => (0, "error"),
            Severity::Medium => (1, "warning"),
            Severity::Low => (2, "notice"),
        };
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
        let title =
            format!("{} {} ({})", finding.case.rule.id, finding.case.rule.name, finding.case.severity);
        let columns = if finding.start.line == finding.end.line {
            format!(",col={},endColumn={}", finding.start.column, finding.end.column)
        } else {
            String::new()
        };
        writeln!(
            out,
            "::{level} file={},line={},endLine={}{columns},title={}::{}",
            property(&finding.path),
            finding.start.line,
            finding.end.line,
            property(&title),
            data(&format!("{}. {}", finding.case.message, finding.remedy))
        )?;
    }
    for problem in &outcome.report.suppression_problems {
        if let Some(count) = counts.get_mut(1) {
            *count += 1;
        }
        writeln!(
            out,
            "::warning file={},line={},title=tracego%3Aallow::{}",
            property(&problem.path),
            problem.line,
            data(&problem.message)
        )?;
    }
    let hidden: usize = counts.iter().map(|count| count.saturating_sub(SHOWN)).sum();
    if hidden > 0 {
        writeln!(
            out,
            "{hidden} more findings than GitHub shows as annotations of one step; the log has all"
        )?;
    }
    Ok(())
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    printable_lines(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_command() {
        assert_eq!(data("a\n::error::x%"), "a%0A::error::x%25");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
