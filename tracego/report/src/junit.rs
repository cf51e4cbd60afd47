//! JUnit XML: a suite for each rule with findings, and one about the records themselves.
//!
//! GitLab, Jenkins and Azure show it beside the results of tests.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use tracego_model::{finding::Severity, xml::xml};

use crate::{
    escape::shortened,
    history::{ReportedFinding, SealVerdict},
    report::RunReport,
};

/// Maximum length of a text in characters.
const TEXT_MAX: usize = 2000;

/// The result of a test case.
enum CaseResult<'a> {
    Passed,
    /// A finding that is less severe than the limit.
    Skipped(&'a str),
    Failed {
        kind: &'a str,
        message: &'a str,
        details: String,
    },
}

/// A test case.
struct Case<'a> {
    class: String,
    name: &'a str,
    result: CaseResult<'a>,
}

/// Writes a report. Findings from `limit` on are failures, others are skipped cases. What is missing is a failure of the
/// suite `records`.
///
/// # Errors
/// Fails if it cannot be written.
pub fn write(report: &RunReport, limit: Severity, out: &mut impl Write) -> io::Result<()> {
    let mut suites: BTreeMap<(u8, String), Vec<Case<'_>>> = BTreeMap::new();
    suites.insert((0, "records".to_owned()), records(report));
    for finding in &report.history.findings {
        suites.entry((1, finding.title())).or_default().push(case(finding, limit));
    }
    let all = || suites.values().flatten();
    let (tests, failures, skipped) = counts(all());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"tracego\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">"
    )?;
    for ((_, name), cases) in &suites {
        let (tests, failures, skipped) = counts(cases.iter());
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">",
            xml(name)
        )?;
        cases.iter().try_for_each(|case| write_case(case, out))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn counts<'a, 'b: 'a>(cases: impl Iterator<Item = &'a Case<'b>>) -> (usize, usize, usize) {
    cases.fold((0, 0, 0), |(tests, failures, skipped), case| match case.result {
        CaseResult::Passed => (tests + 1, failures, skipped),
        CaseResult::Skipped(_) => (tests + 1, failures, skipped + 1),
        CaseResult::Failed { .. } => (tests + 1, failures + 1, skipped),
    })
}

fn write_case(case: &Case<'_>, out: &mut impl Write) -> io::Result<()> {
    let (class, name) = (xml(&case.class), xml(&shortened(case.name, TEXT_MAX)));
    write!(out, "    <testcase classname=\"{class}\" name=\"{name}\"")?;
    match &case.result {
        CaseResult::Passed => writeln!(out, "/>"),
        CaseResult::Skipped(message) => {
            let message = xml(&shortened(message, TEXT_MAX));
            writeln!(out, "><skipped message=\"{message}\"/></testcase>")
        }
        CaseResult::Failed { kind, message, details } => {
            let message = xml(&shortened(message, TEXT_MAX));
            // Lines of the details are ours, and their texts have no ends of lines.
            let details = details.lines().map(|line| xml(line) + "\n").collect::<String>();
            writeln!(
                out,
                "><failure type=\"{}\" message=\"{message}\">{details}</failure></testcase>",
                xml(kind)
            )
        }
    }
}

fn case(finding: &ReportedFinding, limit: Severity) -> Case<'_> {
    let class = format!("tracego.{}", finding.id);
    if finding.severity < limit {
        return Case { class, name: &finding.command, result: CaseResult::Skipped(&finding.message) };
    }
    let short = |text: &str| tracego_model::text::printable(&shortened(text, TEXT_MAX));
    let above = finding.ancestors.iter().map(|above| format!("{} ({})", short(&above.command), above.pid));
    let line: Vec<_> = above.chain([format!("{} ({})", short(&finding.command), finding.pid)]).collect();
    let mut details = format!(
        "{} {}\nby {}\nat {}\n",
        finding.severity,
        short(&finding.title()),
        line.join(" → "),
        finding.time.text()
    );
    if !finding.remedy.is_empty() {
        details.push_str(&format!("fix: {}\n", short(&finding.remedy)));
    }
    for (name, value) in finding.evidence.iter().take(16) {
        details.push_str(&format!("{} = {}\n", short(name), short(value)));
    }
    let result = CaseResult::Failed { kind: finding.severity.name(), message: &finding.message, details };
    Case { class, name: &finding.command, result }
}

/// Returns the cases about the records: whether all are there and none was changed.
fn records(report: &RunReport) -> Vec<Case<'_>> {
    let completeness = &report.history.completeness;
    let case = |name, is_good: bool, message, details: String| Case {
        class: "tracego.records".to_owned(),
        name,
        result: if is_good {
            CaseResult::Passed
        } else {
            CaseResult::Failed { kind: "incomplete", message, details }
        },
    };
    let lost = completeness.lost.iter().map(|(reason, count)| format!("{reason}: {count}\n")).collect();
    let unread = completeness.problems.iter().map(|problem| format!("{problem}\n")).collect();
    let undecided = format!("{} starts\n", completeness.undecided);
    let left_out = completeness.programs_left_out + completeness.findings_left_out;
    let mut cases = vec![
        case("nothing is lost", completeness.lost.is_empty(), "events or records are lost", lost),
        case("all lines can be read", completeness.unread_lines == 0, "lines could not be read", unread),
        case("policies decided", completeness.undecided == 0, "policies gave no decision", undecided),
        case("all records are in the report", left_out == 0, "there are too many", format!("{left_out}\n")),
    ];
    let seal = match &completeness.seal {
        SealVerdict::NotSealed => return cases,
        SealVerdict::Whole { .. } => String::new(),
        SealVerdict::Unchecked(reason) => format!("not checked: {reason}\n"),
        SealVerdict::Unproven { .. } => "the end is not proven\n".to_owned(),
        SealVerdict::Damaged(text) => format!("{text}\n"),
    };
    cases.push(case("the log is sealed and whole", seal.is_empty(), "the log is not proven", seal));
    cases
}
