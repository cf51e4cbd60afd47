//! Properties of every history and every report, shared with the fuzz target.

use tracego_model::finding::Severity;
use tracego_report::{
    baseline::{Baseline, BaselineComparison},
    chrome_trace,
    history::{HistoryLimits, HistoryReader, RunHistory},
    junit,
    live::{LiveLimits, LiveState},
    markdown::markdown,
    report::RunReport,
    run_time_sarif,
    sarif::{self, SarifLog},
};

/// Size of the Markdown that is asked for; small, so that it is reached.
const SIZE: usize = 16 << 10;
/// Limits that short inputs reach.
const LIMITS: HistoryLimits =
    HistoryLimits { programs: 64, processes: 128, text: 64 << 10, findings: 32, jobs: 4 };

/// The same for states.
const LIVE_LIMITS: LiveLimits = LiveLimits { jobs: 4, programs: 6, processes: 8 };

/// Checks the lines of one input, as records and as a baseline.
pub(super) fn any(input: &[u8]) {
    live(input);
    let history = history(input);
    for (at, program) in history.programs.iter().enumerate() {
        assert!(program.parent.is_none_or(|parent| parent < at), "a process is above itself");
        assert!(program.job < history.jobs.len());
    }
    assert!(history.findings.iter().all(|finding| finding.job < history.jobs.len()));
    if let Some(job) = history.jobs.last() {
        let id = job.id.clone();
        let only = self::history(input).only_job(&id).unwrap();
        assert_eq!(only.jobs.len(), 1);
        assert!(only.programs.iter().all(|program| program.parent.is_none_or(|at| at < only.programs.len())));
    }
    let baseline = Baseline::parse(input).unwrap_or_else(|_| Baseline::of_run(&history));
    let read = Baseline::parse(&baseline.to_file().unwrap()).unwrap();
    assert_eq!(read.entries, baseline.entries);
    let mut comparison = BaselineComparison::new(&baseline, &history);
    comparison.runs = 3;
    let report = RunReport::new(history, Some(comparison), "1.0.0");
    formats(&report);
    let again = Baseline::of_run(&report.history);
    assert!(BaselineComparison::new(&again, &report.history).is_same());
}

fn history(input: &[u8]) -> RunHistory {
    let mut reader = HistoryReader::new(LIMITS);
    let mut refused = 0;
    for (n, line) in input.split(|&byte| byte == b'\n').enumerate() {
        refused += u64::from(reader.take(line, "records.json", n as u64 + 1).is_err());
    }
    let history = reader.finish();
    assert_eq!(history.completeness.unread_lines, refused);
    history
}

/// Checks that every format is what it says, and that no control character is in it.
fn formats(report: &RunReport) {
    let text = markdown(report, SIZE);
    assert!(text.len() <= SIZE, "{} bytes", text.len());
    plain(&text);
    let prose = outside_code(&text);
    for tag in ["details", "summary", "code"] {
        let ends = prose.matches(&format!("</{tag}>")).count();
        assert_eq!(prose.matches(&format!("<{tag}>")).count(), ends, "{tag}");
    }
    let tags = prose.matches('<').count();
    let known = ["<details>", "<summary>", "<code>", "</"].map(|tag| prose.matches(tag).count());
    assert_eq!(tags, known.iter().sum::<usize>());
    assert!(!prose.contains(['@', '$', '[']), "{prose}");

    let mut xml = Vec::new();
    junit::write(report, Severity::Medium, &mut xml).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    plain(&xml);
    assert_eq!(
        xml.matches("<testcase").count(),
        xml.matches("/>\n").count() + xml.matches("</testcase>").count()
    );

    let mut trace = Vec::new();
    chrome_trace::write(report, &mut trace).unwrap();
    let trace: serde_json::Value = serde_json::from_slice(&trace).unwrap();
    assert!(
        trace["traceEvents"].as_array().unwrap().iter().all(|event| event["ts"].as_f64().unwrap() >= 0.0)
    );

    let results = run_time_sarif::results(&report.history);
    let log = SarifLog { version: "1.0.0", category: "", rules: &[], results: &results, problems: &[] };
    let mut file = Vec::new();
    let tally = sarif::write(&log, &mut file).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["runs"][0]["results"].as_array().unwrap().len(), tally.written);
}

/// Returns Markdown without its blocks and spans of code.
fn outside_code(text: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        match fence {
            Some(end) if line == end => fence = None,
            Some(_) => {}
            None if line == "```mermaid" => fence = Some("```"),
            None if line == "````text" => fence = Some("````"),
            None => {
                let parts: Vec<&str> = line.split('`').collect();
                assert!(parts.len() % 2 == 1, "a span of code does not end: {line}");
                prose.extend(parts.into_iter().step_by(2));
                prose.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a block of code does not end");
    prose
}

fn plain(text: &str) {
    let found = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(found, None);
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200f}']));
}

/// Checks that what runs is counted alike everywhere, after each line.
fn live(input: &[u8]) {
    let mut state = LiveState::new(LIVE_LIMITS);
    for line in input.split(|&byte| byte == b'\n') {
        let _named = state.take(line, "input", 1);
        let alive = state.processes.iter().filter(|process| process.program.is_some()).count() as u64;
        let jobs: u64 = state.jobs.iter().map(|(_, row)| row.activity.alive).sum();
        let programs: u64 = state.programs.iter().map(|(_, row)| row.activity.alive).sum();
        assert_eq!((state.total.alive, jobs, programs), (alive, alive, alive));
        assert!(state.processes.iter().count() <= LIVE_LIMITS.processes);
        assert!(state.jobs.iter().count() <= LIVE_LIMITS.jobs + 1);
        assert!(state.programs.iter().count() <= LIVE_LIMITS.programs + 1);
    }
    let trees: usize = state.jobs.iter().map(|(job, _)| state.processes.tree(job).len()).sum();
    assert_eq!(trees as u64, state.total.alive);
    let now = state.newest.unwrap_or_default();
    let rate = state.total.rate.per_second(now, 60, state.since.unwrap_or_default());
    assert!(rate.is_finite() && rate >= 0.0);
}
