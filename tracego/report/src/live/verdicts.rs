//! Findings and decisions in records.

use std::sync::Arc;

use tracego_model::{
    clock::Time,
    text::{one_line, printable},
};

use super::{
    finding::{FindingGrade, LiveFinding},
    state::{LiveState, TEXT_MAX},
};
use crate::{
    history::StoppedStart,
    wire::{WireProcess, WireRecord, WireVerdict, cut},
};

/// Maximum number of words of a command that are looked at; the line has 200 characters.
const WORDS_MAX: usize = 210;

impl LiveState {
    /// Takes the findings of a record about an earlier start.
    pub(super) fn late_finding(&mut self, record: &WireRecord<'_>, time: Time) {
        let Some(process) = &record.process else { return };
        let verdict = WireVerdict::of(&record.tracego);
        let worst = verdict.findings.iter().map(|finding| finding.severity).max();
        let job = match self.processes.get_mut(&record.tracego.exec_id) {
            Some(known) => {
                known.worst = known.worst.max(worst);
                Arc::clone(&known.job)
            }
            None => self.job_of(record),
        };
        self.found(verdict, record, process, &job, time);
    }

    /// Takes the findings of a record.
    pub(super) fn found(
        &mut self,
        verdict: WireVerdict,
        record: &WireRecord<'_>,
        process: &WireProcess<'_>,
        job: &Arc<str>,
        time: Time,
    ) {
        self.completeness.findings_left_out += u64::from(verdict.is_unreadable);
        self.completeness.undecided += u64::from(verdict.is_undecided);
        for found in verdict.findings {
            let title = if found.name.is_empty() { found.id } else { format!("{} {}", found.id, found.name) };
            self.add_finding(LiveFinding {
                time,
                grade: FindingGrade::Found(found.severity),
                title: printable(cut(&title, TEXT_MAX)),
                message: printable(cut(&found.message, TEXT_MAX)),
                remedy: printable(cut(&found.remedy, TEXT_MAX)),
                command: command_of(record, process),
                pid: process.pid,
                job: Arc::clone(job),
            });
        }
    }

    /// Takes a decision of enforcement.
    pub(super) fn decision(&mut self, record: &WireRecord<'_>, time: Time) {
        let Some(decided) = &record.tracego.enforcement else { return };
        let pid = record.process.as_ref().map_or(0, |process| process.pid);
        let Some(stop) = StoppedStart::of(decided, pid, time) else { return };
        let job = self.job_of(record);
        self.add_finding(LiveFinding {
            time,
            grade: FindingGrade::of(&stop.effect),
            title: printable(&stop.rule),
            message: printable(cut(&stop.message, TEXT_MAX)),
            remedy: printable(cut(&stop.remedy, TEXT_MAX)),
            command: stop.command,
            pid,
            job,
        });
    }

    fn add_finding(&mut self, finding: LiveFinding) {
        let (job, grade, time) = (Arc::clone(&finding.job), finding.grade, finding.time);
        if self.findings.add(finding)
            && let Some(row) = self.jobs.row(&job)
        {
            row.facts.findings.add(grade);
            row.activity.touched(time);
        }
    }
}

/// Returns the command of a record in one line, with control characters escaped.
pub(super) fn command_of(record: &WireRecord<'_>, process: &WireProcess<'_>) -> String {
    let words = process.command_args.get(..WORDS_MAX).unwrap_or(&process.command_args);
    if !words.is_empty() {
        return one_line(words);
    }
    let other = [&record.body, &process.command, &process.executable.path];
    let known = other.into_iter().find(|text| !text.is_empty());
    known.map_or_else(String::new, |text| printable(cut(text, TEXT_MAX)))
}
