//! TG004 and TG005: modules that are not pinned or verified, and caches that jobs share.

use tracego_analyze::rules::build::modules;
use tracego_golang::command::Invocation;
use tracego_model::finding::Confidence;

use super::OpenCase;
use crate::{
    extract::{Declaration, FoundCommand},
    setting::Setting,
};

/// Adds the cases that a command line is.
pub(super) fn of_command(command: &FoundCommand, invocation: &Invocation, cases: &mut Vec<OpenCase>) {
    if !invocation.is_plausible() {
        return;
    }
    let mut add = |variant, message| {
        let is_sure = !command.words.iter().any(|word| word.has_holes);
        let confidence = if is_sure { Confidence::High } else { Confidence::Medium };
        cases.push(OpenCase { rule: "TG004", variant, confidence, message });
    };
    let package = modules::unpinned_package(invocation);
    if let Some(package) =
        package.filter(|package| !package.rsplit('@').next().unwrap_or_default().contains('$'))
    {
        add("unpinned", format!("{package} is another version another day"));
    }
    if !modules::builds(invocation) {
        return;
    }
    let flags = [("mod", &invocation.flags.module_mode), ("toolexec", &invocation.flags.toolexec)];
    for (name, value) in flags {
        if let Some((variant, message)) = value.as_deref().and_then(|value| flag_case(name, value)) {
            add(variant, message);
        }
    }
}

/// Returns the case that a flag of the go command is, on the command line or in GOFLAGS.
fn flag_case(name: &str, value: &str) -> Option<(&'static str, String)> {
    match (name, value) {
        ("mod", "mod") => Some(("mod-mod", "a build may change go.mod and go.sum: -mod=mod".into())),
        ("toolexec", program) => {
            Some(("toolexec", format!("compiler and linker are started through {program}")))
        }
        ("insecure", value) if value != "false" => {
            Some(("insecure", "modules come over connections that are not verified: -insecure".into()))
        }
        _ => None,
    }
}

/// Adds the cases that a variable is.
pub(super) fn of_declaration(declared: &Declaration, setting: Setting, cases: &mut Vec<OpenCase>) {
    let Declaration { name, value, .. } = declared;
    if value.has_holes {
        return;
    }
    let value = value.value();
    let get = |asked: &str| (asked == name).then_some(value.as_str()).filter(|value| !value.is_empty());
    for case in modules::variable_cases(get, &[], None) {
        // A toolchain that a file pins is no surprise, nor is a module path that a team names in its own file.
        if !matches!(case.variant, "toolchain" | "private") {
            let confidence = Confidence::High;
            cases.push(OpenCase { rule: "TG004", variant: case.variant, confidence, message: case.message });
        }
    }
    if name == "GO111MODULE" && value == "off" {
        let message = "modules are off: code comes from GOPATH".into();
        cases.push(OpenCase { rule: "TG004", variant: "gopath-mode", confidence: Confidence::High, message });
    }
    if name == "GOFLAGS" {
        for flag in value.split_whitespace() {
            let flag = flag.trim_start_matches('-');
            let (flag, value) = flag.split_once('=').unwrap_or((flag, "true"));
            let case = flag_case(flag, value);
            let Some((variant, message)) = case else { continue };
            cases.push(OpenCase { rule: "TG004", variant, confidence: Confidence::High, message });
        }
    }
    let variant = match name.as_str() {
        "GOCACHE" => "cache",
        "GOTMPDIR" => "temporary-folder",
        _ => return,
    };
    // Such a folder is the same for every job of a runner, and anybody may write there.
    let is_shared = ["/tmp/", "/var/tmp/", "/dev/shm/"].iter().any(|folder| value.starts_with(folder));
    if is_shared && setting == Setting::Ci {
        let message = format!("jobs of one runner share {name}={value}");
        cases.push(OpenCase { rule: "TG005", variant, confidence: Confidence::Medium, message });
    }
}
