//! Options of the command line that have no effect beside the others: refused, because whoever writes one
//! relies on it. The configuration file and variables serve several commands, so there an option may stand
//! that a command does not use.

use clap::{ArgMatches, parser::ValueSource};

/// Options about records: `capture` writes events, and records are made at the replay.
const OF_RECORDS: [&str; 22] = [
    "output",
    "format",
    "fields",
    "drop",
    "output_file",
    "tree",
    "color",
    "raw_args",
    "profile",
    "only_findings",
    "min_severity",
    "seal",
    "seal_interval",
    "seal_key",
    "otlp_endpoint",
    "otlp_traces",
    "spool_dir",
    "policy",
    "policy_key",
    "decision_log",
    "decision_log_mask",
    "enforce",
];

/// Options that need another one to be set, and the name of that one.
const NEEDS: [(&str, &str); 19] = [
    ("seal_interval", "seal"),
    ("seal_key", "seal"),
    ("policy_key", "policy"),
    ("policy_algorithm", "policy_key"),
    ("policy_on_error", "policy"),
    ("policy_time_limit", "policy"),
    ("policy_ca", "policy"),
    ("policy_cert", "policy"),
    ("policy_cert_key", "policy_cert"),
    ("policy_token", "policy"),
    ("policy_cache", "policy"),
    ("decision_log", "policy"),
    ("decision_log_mask", "decision_log"),
    ("pin_dir", "handover"),
    ("kubernetes_labels", "kubernetes"),
    ("kubernetes_annotations", "kubernetes"),
    ("kubernetes_api", "kubernetes"),
    ("kubernetes_ca", "kubernetes"),
    ("kubernetes_token", "kubernetes"),
];

/// Options for text, which other forms do not have.
const OF_TEXT: [&str; 2] = ["tree", "color"];

/// Returns the first option without effect, with the reason.
///
/// # Errors
/// Fails if there is one; the text names it and the way out.
pub(super) fn check(command: Option<&str>, matches: &ArgMatches) -> Result<(), String> {
    let source = |id: &str| matches.try_contains_id(id).is_ok().then(|| matches.value_source(id)).flatten();
    // A switch that is turned off asks for nothing.
    let is_off = |id: &str| matches!(matches.try_get_one::<bool>(id), Ok(Some(false)));
    let is_given = |id: &&str| source(id) == Some(ValueSource::CommandLine) && !is_off(id);
    // Default values of clap are also those of the file, which has no source of its own.
    let is_set = |id: &str| match matches.try_get_raw(id) {
        Ok(Some(mut values)) => values.any(|value| value != "false"),
        _ => false,
    };
    let refuse = |id: &str, why: &str| Err(format!("--{} has no effect: {why}", id.replace('_', "-")));
    match command {
        Some("capture") => {
            if let Some(id) = OF_RECORDS.iter().chain(&["handover", "pin_dir"]).find(|id| is_given(id)) {
                return refuse(id, "capture writes events; give the option to tracego replay or to tracego");
            }
        }
        Some("run") => {
            if let Some(id) = ["duration", "handover", "pin_dir", "config_watch", "inventory"]
                .iter()
                .find(|id| is_given(id))
            {
                let id = id.replace('_', "-");
                return Err(format!("--{id} does nothing with tracego run, which ends with its command"));
            }
        }
        _ => {}
    }
    // These commands have what the option is about as arguments.
    let has_own = |other: &str| {
        other == "handover" && command == Some("detach") || other == "policy" && command == Some("policy")
    };
    for (id, other) in NEEDS {
        if is_given(&id) && !is_set(other) && !has_own(other) {
            return refuse(id, &format!("only with --{}", other.replace('_', "-")));
        }
    }
    let output = matches.try_get_raw("output").ok().flatten().and_then(|mut values| values.next());
    let is_otlp = output.is_some_and(|form| form == "otlp");
    if is_given(&"format") && is_otlp && is_given(&"output") {
        return refuse(
            "format",
            "--output otlp has a format of its own; a sink of the configuration can have another",
        );
    }
    if is_given(&"output")
        && output.is_some_and(|form| form != "text")
        && let Some(id) = OF_TEXT.iter().find(|id| is_given(id))
    {
        return refuse(id, "only with --output text");
    }
    Ok(())
}
