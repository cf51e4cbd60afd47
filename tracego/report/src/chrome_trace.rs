//! The Trace Event Format of Chrome, for <https://ui.perfetto.dev>.
//!
//! A job is a process of the trace. Programs that run at the same time have lanes of their own, and a lane is used again
//! when its program has ended, so that a build with thousands of compilers has as many lanes as it had processors. Arrows
//! go from a program to those that it started; findings are marks.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    escape::shortened,
    history::{ProgramRun, RunHistory},
    report::RunReport,
};

/// Maximum length of a text in characters.
const TEXT_MAX: usize = 500;

/// An event of the trace. Times are in microseconds since the first program start: as absolute times they would lose
/// their nanoseconds in a reader that keeps numbers as floats.
#[derive(Serialize)]
struct TraceEvent<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'a str,
    ph: &'a str,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    pid: usize,
    tid: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    /// Scope of a mark: a lane; or the end to which an arrow is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<TraceArguments<'a>>,
}

#[derive(Default, Serialize)]
struct TraceArguments<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    executable: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    directory: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Writes a report as a trace.
///
/// # Errors
/// Fails if it cannot be written.
pub fn write(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let history = &report.history;
    let zero = history.programs.first().map_or(0, |program| program.began.0);
    let last = |of: &ProgramRun| of.ended.unwrap_or(of.began).0;
    let end = history.programs.iter().map(last).max().unwrap_or(zero);
    let lanes = lanes(history, end);
    let began = history.programs.first().map(|program| program.began.text()).unwrap_or_default();
    let other = serde_json::json!({ "began": began, "tracego": report.version });
    write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{other},\"traceEvents\":[")?;
    let mut events = EventWriter { out, zero, is_first: true };
    for (at, job) in history.jobs.iter().enumerate() {
        let name = if job.id.is_empty() { "programs of no job".to_owned() } else { job.id.clone() };
        events.process_name(at, &shortened(&name, TEXT_MAX))?;
    }
    for (at, run) in history.programs.iter().enumerate() {
        events.program(run, lanes[at], end)?;
        if let Some((above, parent)) =
            run.parent.and_then(|above| Some((above, history.programs.get(above)?)))
        {
            events.arrow(at, (parent, lanes[above]), (run, lanes[at]))?;
        }
    }
    for finding in &report.history.findings {
        let lane = finding.program.and_then(|at| lanes.get(at)).copied().unwrap_or(0);
        let arguments = TraceArguments {
            severity: Some(finding.severity.name()),
            command: Some(shortened(&finding.message, TEXT_MAX)),
            remedy: Some(shortened(&finding.remedy, TEXT_MAX)),
            ..TraceArguments::default()
        };
        events.mark(
            &shortened(&finding.title(), TEXT_MAX),
            finding.time.0,
            (finding.job, lane),
            arguments,
        )?;
    }
    writeln!(out, "]}}")
}

/// Returns the lane of each program: the first one that is free at its start. A program that lasts as long as the trace
/// keeps its lane.
fn lanes(history: &RunHistory, end: i64) -> Vec<usize> {
    let mut free: Vec<Vec<i64>> = vec![Vec::new(); history.jobs.len()];
    let mut lanes = Vec::with_capacity(history.programs.len());
    for run in &history.programs {
        let Some(ends) = free.get_mut(run.job) else {
            lanes.push(0);
            continue;
        };
        let ended = run.ended.map_or(end, |ended| ended.0).max(run.began.0 + 1);
        let lane = match ends.iter().position(|ended| *ended <= run.began.0) {
            Some(lane) => lane,
            None => {
                ends.push(0);
                ends.len() - 1
            }
        };
        ends[lane] = ended;
        lanes.push(lane + 1);
    }
    lanes
}

/// A writer of events.
struct EventWriter<'a, W> {
    out: &'a mut W,
    /// Time of the first program start.
    zero: i64,
    is_first: bool,
}

impl<W: Write> EventWriter<'_, W> {
    fn event(&mut self, event: &TraceEvent<'_>) -> io::Result<()> {
        self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        serde_json::to_writer(&mut *self.out, event).map_err(io::Error::from)
    }

    fn micros(&self, time: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a trace of 50 days keeps its nanoseconds")]
        let nanoseconds = time.saturating_sub(self.zero) as f64;
        nanoseconds / 1000.0
    }

    fn process_name(&mut self, job: usize, name: &str) -> io::Result<()> {
        let args = TraceArguments { name: Some(name.to_owned()), ..TraceArguments::default() };
        self.event(&TraceEvent {
            name: "process_name",
            cat: "",
            ph: "M",
            ts: 0.0,
            dur: None,
            pid: job + 1,
            tid: 0,
            id: None,
            s: None,
            bp: None,
            args: Some(args),
        })
    }

    fn program(&mut self, run: &ProgramRun, lane: usize, end: i64) -> io::Result<()> {
        let ended = run.ended.map_or(end, |ended| ended.0);
        let (ts, name) = (self.micros(run.began.0), shortened(run.name(), TEXT_MAX));
        let args = TraceArguments {
            pid: Some(run.pid),
            command: Some(run.command_line()),
            executable: &run.executable,
            directory: &run.directory,
            user: &run.user,
            role: run.role.map_or("", |role| role.as_str()),
            exit: run.exit.map(|exit| exit.code),
            end: run.ended.is_none().then_some("not recorded"),
            ..TraceArguments::default()
        };
        let cat = run.role.map_or("program", |role| role.as_str());
        self.event(&TraceEvent {
            name: &name,
            cat,
            ph: "X",
            ts,
            dur: Some(self.micros(ended) - ts),
            pid: run.job + 1,
            tid: lane,
            id: None,
            s: None,
            bp: None,
            args: Some(args),
        })
    }

    /// Writes an arrow from a program to one that it started.
    fn arrow(
        &mut self,
        id: usize,
        (parent, from): (&ProgramRun, usize),
        (run, to): (&ProgramRun, usize),
    ) -> io::Result<()> {
        // An arrow begins within its program, also where the two times are from two reads of the clock.
        let leaves = parent.ended.map_or(run.began, |ended| ended.min(run.began)).max(parent.began);
        let half = |name, ph, ts, pid, tid, bp| TraceEvent {
            name,
            cat: "start",
            ph,
            ts,
            dur: None,
            pid,
            tid,
            id: Some(id),
            s: None,
            bp,
            args: None,
        };
        let (ts, te) = (self.micros(leaves.0), self.micros(run.began.0));
        self.event(&half("start", "s", ts, parent.job + 1, from, None))?;
        self.event(&half("start", "f", te, run.job + 1, to, Some("e")))
    }

    fn mark(
        &mut self,
        name: &str,
        time: i64,
        (job, lane): (usize, usize),
        args: TraceArguments<'_>,
    ) -> io::Result<()> {
        let ts = self.micros(time).max(0.0);
        self.event(&TraceEvent {
            name,
            cat: "finding",
            ph: "i",
            ts,
            dur: None,
            pid: job + 1,
            tid: lane,
            id: None,
            s: Some("t"),
            bp: None,
            args: Some(args),
        })
    }
}
