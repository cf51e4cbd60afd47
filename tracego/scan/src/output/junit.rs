//! `JUnit` XML: a suite per rule, a case per finding. A suppressed finding is a skipped case.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use tracego_model::xml::xml;

use super::ScanOutcome;
use crate::finding::ScanFinding;

pub(super) fn write(outcome: &ScanOutcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, Vec<&ScanFinding>> = BTreeMap::new();
    for finding in outcome.report.findings.iter().filter(|finding| !finding.is_known) {
        rules.entry(finding.case.rule.id).or_default().push(finding);
    }
    let counts = |findings: &[&ScanFinding]| {
        let skipped = findings.iter().filter(|finding| finding.suppressed.is_some()).count();
        format!(
            "tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\"",
            findings.len(),
            findings.len() - skipped
        )
    };
    let all: Vec<&ScanFinding> = rules.values().flatten().copied().collect();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    if all.is_empty() {
        // A file without a case is an error for some readers.
        writeln!(out, "<testsuites name=\"tracego scan\" tests=\"1\" failures=\"0\" skipped=\"0\">")?;
        writeln!(out, "  <testsuite name=\"tracego scan\" tests=\"1\" failures=\"0\" skipped=\"0\">")?;
        writeln!(
            out,
            "    <testcase classname=\"tracego\" name=\"{} files scanned\"/>",
            outcome.report.files
        )?;
        writeln!(out, "  </testsuite>\n</testsuites>")?;
        return Ok(());
    }
    writeln!(out, "<testsuites name=\"tracego scan\" {}>", counts(&all))?;
    for (rule, findings) in &rules {
        let name = findings.first().map_or("", |finding| finding.case.rule.name);
        writeln!(out, "  <testsuite name=\"{rule} {name}\" {}>", counts(findings))?;
        for finding in findings {
            write_case(finding, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn write_case(finding: &ScanFinding, out: &mut dyn Write) -> io::Result<()> {
    let place = format!("{}:{}", finding.path, finding.start.line);
    writeln!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\">",
        xml(&finding.path),
        xml(&format!("{place} {}", finding.case.subject)),
        xml(&finding.path),
        finding.start.line
    )?;
    match &finding.suppressed {
        Some(reason) => writeln!(out, "      <skipped message=\"{}\"/>", xml(reason))?,
        None => writeln!(
            out,
            "      <failure type=\"{} {}\" message=\"{}\">{}</failure>",
            finding.case.severity,
            finding.case.variant,
            xml(&finding.case.message),
            xml(&format!("{place}\n{}\n{}", finding.line.trim(), finding.remedy))
        )?,
    }
    writeln!(out, "    </testcase>")
}
