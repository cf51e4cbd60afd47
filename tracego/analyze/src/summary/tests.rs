//! Everything that is counted is printed, on its own or by number.

use std::sync::Arc;

use tracego_model::{
    clock::Time,
    finding::{Confidence, Finding},
    record::{
        self, Log, Origin, Own, Process,
        go::{Go, GoCommand},
        policy::{PolicyDecision, Violation},
    },
};

use super::*;

fn record(findings: Vec<Finding>, command: Option<&str>) -> Record {
    let command = command.map(|exec_id| GoCommand {
        exec_id: exec_id.to_owned(),
        pid: 1,
        subcommand: "run".into(),
        package: None,
        target: None,
        version: None,
    });
    let go = Go { role: None, confidence: None, repeated: false, command, linker: None, build: None };
    Record {
        brief: None,
        brief_pod: None,
        is_lean: false,
        schema: record::SCHEMA,
        schema_url: record::SCHEMA_URL,
        event_name: record::event_name::START,
        timestamp: Time(0),
        observed_timestamp: Time(0),
        severity_number: 9,
        severity_text: "INFO",
        trace: None,
        body: "go run .".into(),
        log: Log::default(),
        seq: 1,
        origin: Arc::new(Origin::default()),
        process: Some(Box::new(Process { pid: 7, ..Process::default() })),
        context: None,
        container: None,
        k8s: None,
        tracego: Box::new(Own { findings, go: Some(Box::new(go)), ..Own::default() }),
    }
}

fn finding(id: &'static str, message: &str, severity: Severity) -> Finding {
    Finding {
        id,
        name: "name",
        variant: None,
        severity,
        confidence: Confidence::High,
        message: message.to_owned(),
        remedy: "Fix it.",
        evidence: BTreeMap::new(),
        claimed: false,
        unenforced: None,
        by_arguments: false,
    }
}

/// Returns the number of findings of a severity that the printed lines stand for.
fn printed(text: &str, severity: &str) -> u64 {
    let is_of =
        |line: &&str| line.trim_start().trim_start_matches("with ").starts_with(&format!("{severity} "));
    let count = |line: &str| {
        let times = line.strip_suffix(" times)").and_then(|line| line.rsplit_once('('));
        let more = line.strip_suffix(" more").and_then(|line| line.rsplit_once(' '));
        times.or(more).map_or(1, |(_, count)| count.parse().unwrap())
    };
    text.lines().skip(1).filter(is_of).map(count).sum()
}

#[test]
fn the_program_of_a_go_run_is_printed_with_it() {
    let mut summary = FindingSummary::default();
    summary.add(&record(vec![finding("TG001", "go run . was executed", Severity::High)], Some("a")));
    summary.add(&record(vec![finding("TG002", "a program runs", Severity::High)], Some("a")));
    let text = summary.to_string();
    assert!(text.starts_with("findings: 2 high\n"), "{text}");
    assert!(text.contains("\n    with high TG002 name: the program that it started\n"), "{text}");
    assert_eq!(printed(&text, "high"), 2, "{text}");
    // Without its go run, such a program is a finding of its own.
    summary.add(&record(vec![finding("TG002", "a program runs", Severity::High)], Some("b")));
    assert!(summary.to_string().contains("\n  high TG002 name: a program runs\n"), "{summary}");
}

#[test]
fn all_that_is_counted_is_printed_or_numbered() {
    let mut summary = FindingSummary::default();
    let violation = |id: &str| Violation {
        bundle: "starter".into(),
        id: id.to_owned(),
        msg: "not allowed".into(),
        severity: None,
        remediation: None,
        action: None,
    };
    for n in 0..120_u32 {
        let message = format!("message {}", n % 90);
        let command = format!("run {}", n % 7);
        let id = ["TG001", "TG002", "TG003"][n as usize % 3];
        let severity = [Severity::Low, Severity::High][n as usize % 2];
        let mut record = record(vec![finding(id, &message, severity)], Some(&command));
        let mut policy = PolicyDecision::new(Arc::default());
        policy.allow = false;
        policy.violations = Arc::new(vec![violation("a"), violation(&format!("v{n}"))]);
        record.tracego.policy = Some(Box::new(policy));
        summary.add(&record);
    }
    let text = summary.to_string();
    for (severity, count) in &summary.counts {
        assert_eq!(printed(&text, severity.name()), *count, "{text}");
    }
    assert!(text.lines().count() < 500, "{text}");
}

#[test]
fn very_many_kinds_are_counted_together() {
    let mut summary = FindingSummary::default();
    for n in 0..1000 {
        let mut record = record(Vec::new(), None);
        let mut policy = PolicyDecision::new(Arc::default());
        policy.allow = false;
        policy.violations = Arc::new(vec![Violation {
            bundle: "b".into(),
            id: format!("v{n}"),
            msg: "no".into(),
            severity: Some(Severity::Medium),
            remediation: Some("Do.".into()),
            action: None,
        }]);
        record.tracego.policy = Some(Box::new(policy));
        summary.add(&record);
    }
    let text = summary.to_string();
    assert_eq!(printed(&text, "medium"), 1000, "{text}");
    assert!(text.contains("medium others: 750 more"), "{text}");
}

#[test]
fn a_decision_that_failed_is_counted_and_the_first_is_named() {
    let decided = |error: Option<&str>, denies: bool| {
        let mut decision = PolicyDecision::new(Arc::default());
        decision.error = error.map(str::to_owned);
        if denies {
            decision.deny();
        }
        let mut record = record(Vec::new(), None);
        record.tracego.policy = Some(Box::new(decision));
        record
    };
    let mut summary = FindingSummary::default();
    summary.add(&decided(None, false));
    assert_eq!((summary.failed().count, summary.failed().allowed), (0, 0));
    summary.add(&decided(Some("b: \u{1b}[31m is a text"), false));
    summary.add(&decided(Some("b: later"), true));
    assert_eq!((summary.failed().count, summary.failed().allowed), (2, 1));
    let printed = summary.failed().to_string();
    assert_eq!(
        printed,
        "policies: 2 failed to decide, 1 start was allowed without a decision: b: \\u{1b}[31m is a text"
    );
}
