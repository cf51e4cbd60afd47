//! Tests with policies as people write them, and with policies that must be refused or stopped.

mod cache_key;
mod caching;
mod crashes;
mod hangs;
mod hostile_policies;
mod inputs;
mod opa_results;
mod refusals;
mod severities;
mod shared_parts;
mod styles;
mod trials;

use std::time::Duration;

use regorus::Value;
use serde_json::json;
use tracego_model::record::policy::PolicyDecision;

use super::{
    DecisionLimits, PolicyEngine, PolicyError,
    bundle::{self, Bundle, Manifest, RegoModule, RegoVersion},
    input,
};

/// Limits with a long time, because debug builds on a busy machine are slow. Tests of the time set their own.
fn patient() -> DecisionLimits {
    DecisionLimits { time: Duration::from_secs(10), ..DecisionLimits::default() }
}

fn module(path: &str, text: &str) -> RegoModule {
    RegoModule {
        path: path.to_owned(),
        text: text.to_owned(),
        rego: RegoVersion::V1,
        rego_declared: false,
        package: Vec::new(),
        test: path.ends_with("_test.rego"),
    }
}

pub(super) fn bundle(name: &str, text: &str) -> Bundle {
    let module = module("policy.rego", text);
    Bundle {
        name: name.to_owned(),
        modules: vec![module],
        data: json!({}),
        manifest: Manifest::default(),
        digest: format!("sha256:{name}"),
        signed_by: None,
    }
}

fn engine(text: &str) -> PolicyEngine {
    PolicyEngine::new(&[bundle("b", text)], &patient()).unwrap()
}

fn refused(text: &str) -> PolicyError {
    PolicyEngine::new(&[bundle("b", text)], &patient()).unwrap_err()
}

/// Returns the record of a process start with the given arguments and value of CI.
fn start(argv: &[&str], ci: &str) -> serde_json::Value {
    json!({
        "event_name": "tracego.process.start",
        "process": {
            "pid": 42,
            "parent_pid": 1,
            "command": "go",
            "command_args": argv,
            "executable": { "path": "/usr/local/go/bin/go", "name": "go" },
            "user": { "id": 1000 },
            "working_directory": "/srv",
            "environment_variable": { "CI": ci },
        },
        "tracego": { "findings": [{ "id": "TG001", "severity": "high" }] },
    })
}

fn decide(text: &str, record: serde_json::Value) -> PolicyDecision {
    engine(text).decide_json(&record)
}

fn messages(decision: &PolicyDecision) -> Vec<&str> {
    decision.violations.iter().map(|violation| violation.msg.as_str()).collect()
}
