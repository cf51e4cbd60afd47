//! The members that a record shares with others, from the records that it refers to.

use serde_json::{Value, json};
use tracego_model::record::event_name;

use super::{Members, object};

/// The kinds of records that others refer to by an id, with their names in `tracego.ref`.
pub(super) const KINDS: [(&str, &str); 4] = [
    (event_name::STREAM, "stream"),
    (event_name::JOB, "job"),
    (event_name::IMAGE, "image"),
    (event_name::CONFINEMENT, "confinement"),
];

/// Returns the name of a kind in `tracego.ref`.
pub(super) fn kind(event_name: &str) -> Option<&'static str> {
    KINDS.iter().find(|(name, _)| *name == event_name).map(|(_, kind)| *kind)
}

/// Adds to a record what a record holds that it refers to.
pub(super) fn fill(record: &mut Members, kind: &str, reference: &Value) {
    let own = reference.get("tracego");
    let get = |name: &str| own.and_then(|own| own.get(name));
    match kind {
        "stream" => {
            copy(record, reference, &["host", "service"]);
            copy(object(record, "tracego"), own.unwrap_or(&Value::Null), &["boot_id"]);
        }
        "job" => {
            copy(record, reference, &["cicd", "vcs"]);
            copy(object(record, "tracego"), own.unwrap_or(&Value::Null), &["job"]);
            if let Some(Value::Object(variables)) = get("environment_variable") {
                let shown = object(object(record, "process"), "environment_variable");
                shown.extend(variables.clone());
            }
        }
        "image" => {
            copy(object(record, "tracego"), own.unwrap_or(&Value::Null), &["executable", "elf"]);
            if let Some(build) = get("go").and_then(|go| go.get("build")) {
                object(object(record, "tracego"), "go").insert("build".to_owned(), build.clone());
            }
            if let Some(image) = get("image") {
                copy(object(record, "process"), image, &["runtime"]);
                if let Some(Value::Object(file)) = object(record, "process").get_mut("executable") {
                    copy(file, image, &["build_id"]);
                }
            }
        }
        _ => {
            let names = ["capability", "rlimit", "namespace", "cgroup", "seccomp", "no_new_privs", "unit"];
            copy(object(record, "tracego"), own.unwrap_or(&Value::Null), &names);
            copy(record, reference, &["k8s"]);
            if let Some(container) = reference.get("container") {
                copy(object(record, "container"), container, &["image"]);
            }
            if let Some(path) = get("cgroup_path") {
                object(record, "process").insert("linux".to_owned(), json!({ "cgroup": path }));
            }
        }
    }
}

fn copy(to: &mut Members, from: &Value, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert((*name).to_owned(), value.clone());
        }
    }
}
