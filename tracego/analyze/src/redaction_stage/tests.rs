use tracego_model::{
    clock::Reading,
    finding::{Confidence, Severity},
    ledger::Ledger,
    record::Executable,
};

use super::*;
use crate::{enrich::Enricher, redact};

/// A start with a password in each text that a process controls.
fn start(meta: Meta) -> Record {
    let mut record = Enricher::new(meta).heartbeat(Ledger::default(), Reading::default());
    let args = ["go", "run", ".", "--token", "hunter22"].map(str::to_owned);
    record.event_name = event_name::START;
    record.body = text::one_line(&args);
    record.tracego.exec_id = Some("a-1-1".into());
    record.tracego.findings.push(Finding {
        id: "TG001",
        name: "go-run",
        variant: None,
        severity: Severity::High,
        confidence: Confidence::High,
        message: "runs with hunter22\n".into(),
        remedy: "",
        unenforced: None,
        evidence: [("process.command_args", args.join(" ")), ("GOFLAGS", "-X=hunter22".into())].into(),
    });
    let variables =
        [("KEPT", "--token=abcdefgh"), ("LOST", "--token=hunter22")].map(|(k, v)| (k.into(), v.to_owned()));
    record.process = Some(Box::new(Process {
        command_args: Some(args.to_vec()),
        executable: Some(Executable {
            path: "/srv/https:ghp_0123456789012345678901234567890123456789".into(),
            name: "ghp_0123456789012345678901234567890123456789".into(),
            build_id: None,
            elsewhere: false,
        }),
        environment_variable: Some(Arc::new(std::collections::BTreeMap::from(variables).into())),
        ..Process::default()
    }));
    record
}

fn json(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

#[test]
fn no_text_of_a_record_has_the_secret_of_an_argument() {
    let meta = Meta { injected: vec![("KEPT".into(), "--token=abcdefgh".into())], ..Meta::default() };
    let mut stage = RedactionStage::new(&meta);
    let mut record = start(meta);
    assert!(json(&record).matches("hunter22").count() >= 5);
    stage.redact(&mut record);
    let whole = json(&record);
    assert!(!whole.contains("hunter22") && !whole.contains("ghp_"), "{whole}");
    assert!(whole.contains("--token=abcdefgh"), "the operator's own variable stays: {whole}");
    assert_eq!(record.body, format!("go run . --token {}", redact::MARK));
    assert_eq!(record.tracego.findings[0].evidence["process.command_args"], record.body);
    // One argument, one path, one variable.
    assert_eq!(record.tracego.completeness.redacted, 3);

    let mut later = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
    later.tracego.exec_id = Some("a-1-1".into());
    later.body = "it was started with hunter22".into();
    stage.redact(&mut later);
    assert!(!later.body.contains("hunter22"), "{}", later.body);
}

#[test]
fn raw_records_stay_and_their_findings_are_short_lines() {
    let meta = Meta { raw: true, ..Meta::default() };
    let mut stage = RedactionStage::new(&meta);
    let mut record = start(meta);
    stage.redact(&mut record);
    assert_eq!(record.tracego.findings[0].message, "runs with hunter22\\n");
    assert_eq!(record.tracego.completeness.redacted, 0);
}
