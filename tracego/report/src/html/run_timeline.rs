//! The timeline of a run: a report in the columns of the page.

use std::collections::{BTreeSet, HashMap};

use crate::{
    history::{ExitOutcome, ReportedFinding, ReportedJob, SealVerdict, StopEffect},
    report::RunReport,
};

use super::{
    timeline_builder::{FindingEntry, ProcessEntry, TimelineBuilder},
    timeline_data::{Exit, JobFields, ProcessFlags, SealState, TimelineData, Verdict},
};

/// Maximum length of a command line on the page, in bytes.
const COMMAND_MAX: usize = 64 << 10;

/// Returns the timeline of a report.
#[must_use]
pub fn timeline(report: &RunReport) -> TimelineData {
    let history = &report.history;
    let mut builder = TimelineBuilder::new();
    let origin = history.programs.iter().map(|run| run.began).min().unwrap_or_default();
    let stopped = stopped_programs(report);
    let new: BTreeSet<usize> =
        report.comparison.iter().flat_map(|comparison| &comparison.new).map(|new| new.program).collect();
    for (at, run) in history.programs.iter().enumerate() {
        let command =
            if run.arguments.is_empty() { run.executable.to_string() } else { joined(&run.arguments) };
        builder.process(&ProcessEntry {
            parent: run.parent.and_then(|parent| u32::try_from(parent).ok()),
            start: run.began.0.saturating_sub(origin.0),
            end: run.ended.map(|ended| ended.0.saturating_sub(origin.0)),
            command: &command,
            executable: &run.executable,
            directory: &run.directory,
            user: &run.user,
            pid: run.pid,
            exit: run.exit.map_or(Exit::Unknown, exit),
            role: run.role.map_or("", |role| role.as_str()),
            flags: ProcessFlags { stopped: stopped.contains(&at), is_new: new.contains(&at) },
        });
    }
    for finding in &history.findings {
        add_finding(finding, &mut builder);
    }
    let mut data = builder.finish();
    data.recorder = format!("tracego {}", report.version);
    data.start = if history.programs.is_empty() { String::new() } else { origin.text() };
    let main = history.jobs.iter().max_by_key(|job| job.starts);
    data.job = main.map(job_fields).unwrap_or_default();
    data.verdict = verdict(report, std::mem::take(&mut data.verdict));
    data
}

/// Returns the programs that were stopped: of each process, the last one that began before the decision.
fn stopped_programs(report: &RunReport) -> BTreeSet<usize> {
    let history = &report.history;
    let mut by_pid: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, run) in history.programs.iter().enumerate() {
        by_pid.entry(run.pid).or_default().push(at);
    }
    let stops = history.stops.iter().filter(|stop| stop.effect == StopEffect::Stopped);
    let programs = stops.filter_map(|stop| {
        let began = |at: &usize| history.programs.get(*at).map(|run| run.began);
        let candidates = by_pid.get(&stop.pid)?.iter().copied();
        let earlier = candidates.filter(|at| began(at).is_some_and(|began| began <= stop.time));
        earlier.max_by_key(|at| began(at))
    });
    programs.collect()
}

fn joined(arguments: &[Box<str>]) -> String {
    let mut line = String::new();
    for (at, word) in arguments.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        let needs_quotes = word.is_empty() || word.contains([' ', '\t', '\n']);
        if needs_quotes && !word.contains('\'') {
            line.push_str(&format!("'{word}'"));
        } else {
            line.push_str(word);
        }
        if line.len() > COMMAND_MAX {
            let cut = line.floor_char_boundary(COMMAND_MAX);
            line.truncate(cut);
            line.push('…');
            break;
        }
    }
    line
}

fn exit(outcome: ExitOutcome) -> Exit {
    match outcome.signal.and_then(|signal| u8::try_from(signal).ok()) {
        Some(signal) if signal > 0 => Exit::Signal(signal),
        _ => u8::try_from(outcome.code).map_or(Exit::Unknown, Exit::Code),
    }
}

fn add_finding(finding: &ReportedFinding, builder: &mut TimelineBuilder) {
    let evidence: Vec<(&str, &str)> =
        finding.evidence.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let place = finding.places.first().map(|place| format!("{}:{}", place.path, place.line));
    builder.finding(&FindingEntry {
        process: finding.program.and_then(|program| u32::try_from(program).ok()),
        id: &finding.id,
        name: &finding.name,
        severity: finding.severity,
        message: &finding.message,
        remedy: &finding.remedy,
        evidence: &evidence,
        place: place.as_deref(),
    });
}

fn job_fields(job: &ReportedJob) -> JobFields {
    let of = |name: &str| job.attribute(name).to_owned();
    let task = of("cicd.pipeline.task.name");
    JobFields {
        name: if task.is_empty() { of("cicd.pipeline.name") } else { task },
        id: job.id.clone(),
        url: of("cicd.pipeline.run.url.full"),
        system: of("cicd.system.component"),
        commit: of("vcs.ref.head.revision"),
        repository: of("vcs.repository.url.full"),
        branch: of("vcs.ref.head.name"),
    }
}

fn verdict(report: &RunReport, counted: Verdict) -> Verdict {
    let completeness = &report.history.completeness;
    let mut lost: Vec<String> = completeness.losses().collect();
    for (count, what) in [
        (completeness.unread_lines, "lines of the records could not be read"),
        (completeness.programs_left_out, "program starts are not on this page"),
        (completeness.findings_left_out, "findings are not on this page"),
        (completeness.undecided, "starts have no decision of a policy"),
    ] {
        if count > 0 {
            lost.push(format!("{count} {what}"));
        }
    }
    let (seal, seal_detail) = match &completeness.seal {
        SealVerdict::NotSealed => (SealState::Absent, String::new()),
        SealVerdict::Unchecked(reason) => (SealState::Unchecked, reason.clone()),
        SealVerdict::Whole { records, signed: true } => {
            (SealState::Valid, format!("{records} records are proven"))
        }
        SealVerdict::Whole { records, signed: false } => {
            (SealState::Unchecked, format!("{records} records are whole; signatures were not checked"))
        }
        SealVerdict::Unproven { records } => {
            (SealState::Unchecked, format!("no damage in {records} records, but the end is not proven"))
        }
        SealVerdict::Damaged(reason) => (SealState::Broken, reason.clone()),
    };
    let stopped =
        report.history.stops.iter().filter(|stop| stop.effect == StopEffect::Stopped).count() as u64;
    Verdict { stopped, lost, seal, seal_detail, ..counted }
}
