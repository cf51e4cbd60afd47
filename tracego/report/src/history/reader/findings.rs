//! Findings, violations and decisions in records.

use tracego_model::{clock::Time, text::printable};

use super::{HistoryReader, NAME_MAX};
use crate::{
    history::finding::{Ancestor, ReportedFinding, StoppedStart},
    wire::{WireProcess, WireRecord, WireVerdict, cut},
};

/// Maximum number of ancestors of a finding.
const ANCESTORS_MAX: usize = 12;

impl HistoryReader {
    /// Takes the findings of a record about an earlier start.
    pub(super) fn late_finding(&mut self, record: &WireRecord<'_>) {
        let at = self.process(record);
        let Some(process) = &record.process else { return };
        let program = at.and_then(|at| self.processes.all[at].programs.last().copied());
        let job = self.job_of(record);
        self.findings_of(record, process, job, program);
    }

    /// Takes the findings and the violations of a record.
    pub(super) fn findings_of(
        &mut self,
        record: &WireRecord<'_>,
        process: &WireProcess<'_>,
        job: usize,
        program: Option<usize>,
    ) {
        let verdict = WireVerdict::of(&record.tracego);
        self.completeness.findings_left_out += u64::from(verdict.is_unreadable);
        self.completeness.undecided += u64::from(verdict.is_undecided);
        let found = verdict.findings;
        if found.is_empty() {
            return;
        }
        let time = Time::parse(&record.timestamp).unwrap_or_default();
        let ancestors = self.line_of(record);
        let command = if record.body.is_empty() { &process.command } else { &record.body };
        let command = printable(cut(command, NAME_MAX));
        for found in found {
            let is_known = |(known, of): &(ReportedFinding, Option<usize>)| {
                (known.pid, known.time, &*known.id, &*known.variant, &*known.message, *of)
                    == (process.pid, time, &*found.id, &*found.variant, &*found.message, program)
            };
            if self.findings.iter().rev().take(64).any(is_known) {
                continue;
            }
            if self.findings.len() >= self.limits.findings {
                self.completeness.findings_left_out += 1;
                continue;
            }
            let short = |text: &str| cut(text, NAME_MAX).to_owned();
            let evidence = found.evidence.iter().take(32);
            let finding = ReportedFinding {
                id: short(&found.id),
                name: short(&found.name),
                variant: short(&found.variant),
                severity: found.severity,
                confidence: found.confidence,
                message: short(&found.message),
                remedy: short(&found.remedy),
                evidence: evidence.map(|(name, value)| (short(name), short(value))).collect(),
                job,
                program,
                pid: process.pid,
                time,
                command: command.clone(),
                ancestors: ancestors.clone(),
                places: Vec::new(),
            };
            self.findings.push((finding, program));
        }
    }

    /// Returns the processes above that of a record, the oldest first. Those above tracego started it, and not the
    /// process.
    fn line_of(&self, record: &WireRecord<'_>) -> Vec<Ancestor> {
        let own = record.tracego.ancestors.iter();
        let above = own.take_while(|ancestor| !ancestor.executable.path.ends_with("/tracego"));
        let mut line: Vec<_> = above
            .take(ANCESTORS_MAX)
            .map(|ancestor| Ancestor { pid: ancestor.pid, command: printable(cut(&ancestor.command, 200)) })
            .collect();
        line.reverse();
        line
    }

    /// Takes a decision of enforcement.
    pub(super) fn decision(&mut self, record: &WireRecord<'_>) {
        let Some(decided) = &record.tracego.enforcement else { return };
        let pid = record.process.as_ref().map_or(0, |process| process.pid);
        let time = Time::parse(&record.timestamp).unwrap_or_default();
        let Some(stop) = StoppedStart::of(decided, pid, time) else { return };
        if self.stops.len() >= self.limits.findings {
            self.completeness.findings_left_out += 1;
            return;
        }
        let job = self.job_of(record);
        self.stops.push(StoppedStart { job, ..stop });
    }
}
