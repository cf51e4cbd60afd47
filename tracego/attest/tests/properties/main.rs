//! Properties of predicates and keys, on generated lines and texts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use tracego_attest::{
    configuration_history::ConfigurationHistory,
    record_origin::RecordOrigin,
    runtime_trace::{AttestedCompleteness, LogVerdict, ProcessChoice, RuntimeTrace, TraceMaterial},
    signing_key::SigningKey,
    subject::Subject,
};
use tracego_report::history::{HistoryLimits, HistoryReader};

fn line() -> impl Strategy<Value = String> {
    let start = "tracego.process.start";
    let name = prop::sample::select(vec![
        start,
        start,
        start,
        start,
        start,
        start,
        "tracego.process.exit",
        "tracego.finding",
        "tracego.lost",
        "tracego.stream",
        "tracego.heartbeat",
    ]);
    let role = prop::sample::select(vec!["go-build", "compiler-helper", "compiler-helper", ""]);
    (name, 1_u32..5, 1_u32..5, ".{0,8}", role, any::<bool>()).prop_map(|(name, pid, parent, text, role, found)| {
        let id = |pid: u32| format!("boot-{pid}");
        let finding = json!({ "id": "TG001", "severity": "high", "message": text });
        let record = json!({
            "schema": "tracego/2", "event_name": name, "timestamp": format!("2026-11-25T02:00:0{pid}Z"), "seq": pid,
            "host": { "id": text }, "service": { "instance": { "id": text } },
            "process": { "pid": pid, "command_args": [text], "executable": { "path": text } },
            "cicd": { "pipeline": { "run": { "id": "42", "url": { "full": format!("https://{text}/") } } } },
            "tracego": { "configuration": { "policies": [{ "name": text, "digest": format!("sha256:{}", text.repeat(64)) }],
                "sha256": "ab".repeat(32), "files": [{ "path": text, "sha256": "cd".repeat(32) }] }, "exec_id": id(pid), "parent_exec_id": id(parent), "lost": { text.clone(): pid },
                "go": { "role": role, "command": { "exec_id": id(parent) } },
                "findings": if found { vec![finding] } else { Vec::new() } },
        });
        record.to_string()
    })
}

fn predicate(lines: &[String], processes: ProcessChoice) -> (Value, u64) {
    let mut reader = HistoryReader::new(HistoryLimits::default());
    let (mut origin, mut configurations) = (RecordOrigin::default(), ConfigurationHistory::default());
    for (n, line) in lines.iter().enumerate() {
        let _is_record = reader.take(line.as_bytes(), "records", n as u64 + 1);
        origin.take(line.as_bytes());
        configurations.take(line.as_bytes());
    }
    let history = reader.finish();
    let completeness = AttestedCompleteness::new(&history.completeness, LogVerdict::NotSealed, Vec::new());
    let trace = RuntimeTrace::new(TraceMaterial {
        history: &history,
        origin: &origin,
        configurations: &configurations,
        completeness,
        processes,
        executables: Vec::new(),
    });
    (serde_json::to_value(trace).unwrap(), history.programs.len() as u64)
}

proptest! {
    #[test]
    fn a_predicate_has_what_is_required(lines in vec(prop_oneof![4 => line(), 1 => ".{0,30}"], 0..30)) {
        let (all, starts) = predicate(&lines, ProcessChoice::All);
        for name in ["hostID", "type", "event"] {
            prop_assert!(!all["monitoredProcess"][name].as_str().unwrap().is_empty());
        }
        prop_assert!(all["monitoredProcess"]["hostID"].as_str().unwrap().contains(':'));
        prop_assert!(all["monitorLog"]["process"].is_array() && all["monitorLog"].get("network").is_none());
        let is_lost = !all["tracegoCompletenessV1"]["lost"].as_object().unwrap().is_empty();
        prop_assert!(!is_lost || all["tracegoResultV1"]["isComplete"] == false);
        // Every start is listed, or counted at a go command that is.
        let count = |process: &Value| {
            let tools = process["goTools"].as_object().into_iter().flatten();
            process["starts"].as_u64().unwrap_or(1) + tools.map(|(_, n)| n.as_u64().unwrap()).sum::<u64>()
        };
        for choice in [ProcessChoice::All, ProcessChoice::Distinct] {
            let trace = predicate(&lines, choice).0;
            let counted: u64 = trace["monitorLog"]["process"].as_array().unwrap().iter().map(count).sum();
            prop_assert_eq!(counted, starts, "{}", trace);
        }
    }

    #[test]
    fn keys_and_subjects_of_any_text_do_no_harm(text in ".{0,80}", label in "[A-Z ]{0,12}", body in "[A-Za-z0-9+/=\n]{0,90}") {
        let _is_key = SigningKey::parse(&text);
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        prop_assert!(SigningKey::parse(&pem).is_err());
        prop_assert!(SigningKey::parse(&pem.replace(&label, "PRIVATE KEY")).is_err());
        let _is_subject = text.parse::<Subject>();
    }
}
