//! The rules of `deploy/sigma`, converted by pySigma and asked of process starts of which each rule has to find its own
//! and no other.

mod planted;
mod starts;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::{Value, json};
use tracego_deliver::format::Format;
use tracego_tests::{python, samples};

use planted::STARTS;
use starts::{FIRST_PID, records};

use crate::{PYTHON, Test, deployed, document, server::Store};

/// Tests that take the converters alone.
pub(crate) const CONVERTED: &[(&str, Test)] = &[
    ("each Sigma rule says what it is for", each_rule_says_what_it_is_for),
    ("Sigma rules name fields that ECS output has", rules_name_fields_that_ecs_output_has),
    ("a Sigma rule about other fields is refused", a_rule_about_other_fields_is_refused),
];

/// Tests that take the engine, too.
pub(crate) const STORED: &[(&str, Test)] = &[
    ("each Sigma rule finds its starts and no others", each_rule_finds_its_starts_and_no_others),
    ("the commands for Sigma rules are those of the document", the_commands_are_those_of_the_document),
];

/// A Python interpreter with pySigma and its backends.
pub(crate) static CONVERTER: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python::environment("sigma"));

/// Runs `convert.py`.
fn convert(arguments: &[&Path]) -> Output {
    let mut command = Command::new(CONVERTER.as_ref().unwrap());
    command.arg(deployed("sigma/convert.py")).args(arguments).output().unwrap()
}

/// Rules by the names of their files: the members (`rule`), and fields and query for ECS.
static RULES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let (map, rules) = (deployed("sigma/ecs.yml"), deployed("sigma/rules"));
    let arguments = [map.to_str().unwrap(), rules.to_str().unwrap()];
    let printed = python::script(CONVERTER.as_ref().unwrap(), "sigma_ecs.py", &arguments, b"");
    serde_json::from_slice(&printed).unwrap()
});

fn each_rule_finds_its_starts_and_no_others() {
    for name in RULES.keys() {
        for is_hit in [true, false] {
            let has = STARTS.iter().any(|start| start.rule == name && start.is_hit == is_hit);
            assert!(has, "{name} has no start with is_hit = {is_hit}");
        }
    }
    let planted: BTreeSet<(String, u64)> = STARTS
        .iter()
        .zip(FIRST_PID..)
        .filter(|(start, _)| start.is_hit)
        .map(|(start, pid)| (start.rule.to_owned(), pid as u64))
        .collect();

    let folder = tempfile::tempdir().unwrap();
    let query = folder.path().join("sigma.sql");
    let output = convert(&[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(&query, &output.stdout).unwrap();
    let store = Store::start();
    let records = records();
    store.insert(&records, "planted");
    assert_eq!(store.number("SELECT count() FROM process_creation"), STARTS.len() as u64);
    let days = ["--set", "from=2026-11-24 00:00:00", "--set", "to=2026-11-27 00:00:00"];
    let rows = store.ask(query.to_str().unwrap(), &days);
    let found: BTreeSet<(String, u64)> = rows
        .iter()
        .map(|row| (row["rule"].as_str().unwrap().to_owned(), row["ProcessId"].as_u64().unwrap()))
        .collect();
    let shown = |pairs: Vec<&(String, u64)>| -> Vec<String> {
        let start = |pid: u64| &records[usize::try_from(pid).unwrap() - FIRST_PID]["body"];
        pairs.into_iter().map(|(rule, pid)| format!("{rule}: {}", start(*pid))).collect()
    };
    let none = Vec::<String>::new();
    assert_eq!(shown(planted.difference(&found).collect()), none, "not found");
    assert_eq!(shown(found.difference(&planted).collect()), none, "found, and not planted");
    assert_eq!(rows.len(), planted.len(), "a start is found twice");
    for row in &rows {
        assert_eq!(row["level"], RULES[row["rule"].as_str().unwrap()]["rule"]["level"], "{row}");
    }
    // Of other hours, nothing is found.
    let before = ["--set", "from=2026-11-23 00:00:00", "--set", "to=2026-11-24 00:00:00"];
    assert_eq!(store.ask(query.to_str().unwrap(), &before), Vec::<Value>::new());
}

fn each_rule_says_what_it_is_for() {
    assert_eq!(RULES.len(), 20);
    let document = fs::read_to_string(deployed("../docs/sigma.md")).unwrap();
    let mut ids = BTreeSet::new();
    for (name, printed) in RULES.iter() {
        let rule = &printed["rule"];
        for member in ["title", "description", "author", "status", "date"] {
            assert!(rule[member].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {member}");
        }
        for member in ["references", "falsepositives", "tags"] {
            assert!(rule[member].as_array().is_some_and(|all| !all.is_empty()), "{name} has no {member}");
        }
        let id = rule["id"].as_str().unwrap();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{name}: {id}");
        assert!(ids.insert(id), "{name}: another rule has its id");
        assert_eq!(
            rule["logsource"],
            json!({ "category": "process_creation", "product": "linux" }),
            "{name}"
        );
        let level = rule["level"].as_str().unwrap();
        assert!(["medium", "high", "critical"].contains(&level), "{name}: {level}");
        assert!(document.contains(&format!("| `{name}` | {level} |")), "docs/sigma.md has no row for {name}");
        // Other engines lack the fields that are tracego's own, and the rule says so.
        let description = rule["description"].as_str().unwrap();
        for field in ["job_id", "container_id", "go_role", "go_target", "memfd"] {
            let is_used = rule["detection"].to_string().contains(&format!("\"{field}"));
            assert!(!is_used || description.contains(field), "{name} does not say that others lack {field}");
        }
    }
}

/// Adds the names of the members in a document of ECS.
fn add_names(value: &Value, name: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                add_names(value, &inner, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| add_names(value, name, names)),
        _ => {
            names.insert(name.to_owned());
        }
    }
}

fn rules_name_fields_that_ecs_output_has() {
    let mut names = BTreeSet::new();
    for record in samples::captured().iter().chain(&samples::synthetic()) {
        let mut line = Vec::new();
        Format::Ecs.write(record, &mut line).unwrap();
        add_names(&serde_json::from_slice(&line).unwrap(), "", &mut names);
    }
    for (name, printed) in RULES.iter() {
        let fields = printed["fields"].as_array().unwrap();
        assert!(fields.len() > 1, "{name}: {fields:?}");
        for field in fields {
            assert!(names.contains(field.as_str().unwrap()), "{name}: ECS output has no {field}");
        }
        let query = printed["query"][0].as_str().unwrap();
        assert!(query.starts_with("event.code:tracego.process.start AND "), "{name}: {query}");
    }
    // The whole map, also what no rule of ours asks for; the other map and the view have the same fields.
    let map = fs::read_to_string(deployed("sigma/ecs.yml")).unwrap();
    let listed = fs::read_to_string(deployed("sigma/clickhouse.yml")).unwrap();
    let view = fs::read_to_string(deployed("clickhouse/migrations/0008_sigma.sql")).unwrap();
    let columns: BTreeSet<&str> = view.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let lines = map.lines().skip_while(|line| line.trim() != "mapping:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("      "));
    let mapped: Vec<(&str, &str)> = lines.map(|line| line.trim().split_once(": ").unwrap()).collect();
    assert_eq!(mapped.len(), listed.lines().filter(|line| line.starts_with("          - ")).count());
    assert!(mapped.len() > 20, "{mapped:?}");
    for (field, member) in mapped {
        assert!(names.contains(member), "ECS output has no {member}");
        assert!(listed.contains(&format!("- {field}\n")), "clickhouse.yml has no {field}");
        assert!(columns.contains(field), "the view has no {field}");
    }
}

fn a_rule_about_other_fields_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(deployed("sigma/rules/crypto_miner.yml")).unwrap();
    fs::write(folder.path().join("good.yml"), &text).unwrap();
    let others = [
        ("field.yml", text.replace("CommandLine|", "OriginalFileName|"), "lacks a field"),
        ("product.yml", text.replace("product: linux", "product: windows"), "process_creation of Linux only"),
        ("damaged.yml", text.replace("    selection_option:", " selection_option:"), "damaged.yml"),
    ];
    for (name, text, reason) in others {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let output = convert(&[folder.path()]);
        let report = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{report}");
        assert!(output.stdout.is_empty());
        assert!(report.contains(name) && report.contains(reason), "{report}");
        let output = convert(&[Path::new("--skip"), folder.path()]);
        assert!(output.status.success());
        let query = String::from_utf8(output.stdout).unwrap();
        assert!(query.contains("'good' AS rule") && query.contains(" 1 Sigma rules"), "{query}");
        fs::remove_file(file).unwrap();
    }
}

fn the_commands_are_those_of_the_document() {
    // One interpreter has both: the converter's, with the packages of the engine.
    let packages = PYTHON.as_ref().unwrap().ancestors().nth(2).unwrap().join("lib");
    let version = fs::read_dir(&packages).unwrap().next().unwrap().unwrap().file_name();
    let packages = packages.join(version).join("site-packages");
    let folder = document::folder();
    let text = fs::read_to_string(deployed("../docs/sigma.md")).unwrap();
    let python = CONVERTER.as_ref().unwrap();
    let commands = document::run(&text, folder.path(), python, &[("PYTHONPATH", packages.to_str().unwrap())]);
    assert_eq!(commands, 3);
}
