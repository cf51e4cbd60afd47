//! TG009 and TG010: variables that a service needs in its environment.

use tracego_golang::{Build, Module};
use tracego_model::{
    finding::Severity::{Low, Medium},
    matcher::MatchTarget,
};

use crate::rules::{
    collector::{FindingCase, FindingCollector},
    rule::{Grades, Rule, Variant},
    subject::Subject,
};

/// The rule TG009.
pub const REQUIRED: Rule = Rule {
    id: "TG009",
    name: "required-environment",
    title: "a service without a variable that it has to be given",
    summary: "A Go service runs in production without a variable that has to be set: it takes a default that is \
              often the one of a developer's machine.",
    remedy: "Set the variable where the service is started: Environment= of its unit, env of its container.",
    reference: "https://12factor.net/config",
    variants: &[
        Variant {
            name: "missing",
            grades: Grades::declared(Medium, Low),
            summary: "The variable is not set.",
            remedy: "",
        },
        Variant {
            name: "empty",
            grades: Grades::declared(Medium, Low),
            summary: "The variable is set to nothing.",
            remedy: "",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(required),
    service: None,
};

/// The rule TG010.
pub const TELEMETRY: Rule = Rule {
    id: "TG010",
    name: "telemetry-identity",
    title: "a program without a name or a trace for its telemetry",
    summary: "A Go program says neither which service it is nor which trace it belongs to: its spans, metrics and \
              logs go under unknown_service, and nobody finds them from what started it.",
    remedy: "Set OTEL_SERVICE_NAME where the service is started, and hand TRACEPARENT on to the steps of a job.",
    reference: "https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/",
    variants: &[
        Variant {
            name: "no-service-name",
            grades: Grades::always(Low),
            summary: "A service in production with the SDK of OpenTelemetry has neither OTEL_SERVICE_NAME nor \
                      service.name in OTEL_RESOURCE_ATTRIBUTES.",
            remedy: "Set OTEL_SERVICE_NAME where the service is started.",
        },
        Variant {
            name: "no-trace-context",
            grades: Grades::always(Low),
            summary: "A Go program of a CI job has no TRACEPARENT, and the configuration asks for it.",
            remedy: "Export TRACEPARENT at the start of the job.",
        },
    ],
    by_arguments: false,
    holds_later: true,
    by_provenance: false,
    start: Some(telemetry),
    service: None,
};

fn required(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let names = &report.thresholds().required;
    let known = |name: &&String| subject.knows(name);
    let missing: Vec<&str> =
        names.iter().filter(known).map(String::as_str).filter(|name| subject.value(name).is_none()).collect();
    if missing.is_empty() || !subject.is_production_program(report.settings) {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    let (empty, missing): (Vec<&str>, Vec<&str>) =
        missing.into_iter().partition(|name| subject.variables.contains_key(*name));
    for (variant, names, word) in [("missing", missing, "without"), ("empty", empty, "with an empty")] {
        if !names.is_empty() {
            let list = names.join(", ");
            let case = FindingCase::new(variant, format!("a Go service runs in production {word} {list}"));
            report.add(case.sure(place.confidence()).with("variables", list), place, &scope_target);
        }
    }
}

fn telemetry(subject: &Subject<'_>, report: &mut FindingCollector<'_>) {
    let Some(build) = subject.build() else { return };
    if !subject.knows("OTEL_SERVICE_NAME") || !subject.is_own_program() {
        return;
    }
    let (place, scope_target) = (subject.place(report.settings), MatchTarget::of(subject.record));
    if place.is_production() && has_sdk(build) && !has_service_name(subject) {
        let message = "a Go service with OpenTelemetry runs in production without a name in its environment";
        report.add(
            FindingCase::new("no-service-name", message).sure(place.confidence()),
            place,
            &scope_target,
        );
    }
    if place.ci && report.thresholds().trace_context && subject.variable("TRACEPARENT").is_none() {
        let message = "a Go program of a CI job belongs to no trace: TRACEPARENT is not set";
        report.add(FindingCase::new("no-trace-context", message), place, &scope_target);
    }
}

/// Whether a program has the SDK of OpenTelemetry in it, which reads the variables. Many programs have only the
/// API, through their dependencies, and send nothing.
fn has_sdk(build: &Build) -> bool {
    let is_sdk = |module: &Module| {
        module.path.strip_prefix("go.opentelemetry.io/otel/sdk").is_some_and(|rest| {
            // The SDKs of metrics and logs are modules of their own.
            rest.is_empty() || rest.starts_with('/')
        })
    };
    build.dependencies.iter().chain(&build.main).any(is_sdk)
}

/// Whether either variable sets `service.name`. The first wins where both are set; that does not matter here.
fn has_service_name(subject: &Subject<'_>) -> bool {
    let named = |list: &str| {
        let mut pairs = list.split(',').filter_map(|pair| pair.split_once('='));
        pairs.any(|(key, value)| key.trim() == "service.name" && !value.trim().is_empty())
    };
    subject.variable("OTEL_SERVICE_NAME").is_some()
        || subject.variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(named)
}
