//! Checks that the documents match the program: command lines, files, build steps and kinds of records.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tracego::cli::Cli;
use tracego_model::{clock::Reading, ledger::Ledger};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the lines inside code blocks, or all others.
fn lines(text: &str, code: bool) -> Vec<&str> {
    let mut inside = false;
    let mut kept = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside == code {
            kept.push(line);
        }
    }
    assert!(!inside, "a code block does not end");
    kept
}

/// Converts `RunTests` to `run-tests`, as clap names subcommands.
fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for (n, c) in variant.chars().enumerate() {
        if c.is_ascii_uppercase() && n > 0 {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[test]
fn build_steps_of_the_documents_exist() {
    let main = read("xtask/src/main.rs");
    let (_, body) = main.split_once("enum Subcommand {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let arms: BTreeSet<String> = body
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| kebab(line.split(|c: char| !c.is_alphanumeric()).next().unwrap()))
        .collect();
    assert!(arms.contains("ebpf") && arms.contains("test"), "{arms:?}");
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let docs = docs.filter(|name| name.ends_with(".md"));
    let others = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", ".ci/run"].map(str::to_owned);
    for document in docs.chain(others) {
        for (n, line) in read(&document).lines().enumerate() {
            for rest in line.split("cargo xtask ").skip(1) {
                let arm = rest.split(|c: char| c != '-' && !c.is_alphanumeric()).next().unwrap();
                assert!(arms.contains(arm), "{document}:{}: no `cargo xtask {arm}` in {arms:?}", n + 1);
            }
        }
    }
}

/// Collects every file and folder below `folder`, as paths from the root with a leading `/`; skips build
/// output.
fn tree(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(".git") || path.join("CACHEDIR.TAG").exists() {
            continue;
        }
        found.push(format!("/{}", path.strip_prefix(root()).unwrap().display()));
        if path.is_dir() {
            tree(&path, found);
        }
    }
}

/// Returns whether a text in backticks names a file of the repository. `<name>` is a placeholder, and a path
/// that starts with `/` is on the machine.
fn is_file(text: &str) -> bool {
    let named = text.contains('/') || [".rs", ".toml", ".md", ".json"].iter().any(|end| text.ends_with(end));
    named && !text.contains([' ', '<', ':', '{']) && !text.starts_with('/')
}

#[test]
fn files_of_the_recipes_exist() {
    let mut there = Vec::new();
    tree(&root(), &mut there);
    for document in ["CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = read(document);
        let text = lines(&text, false).join("\n");
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|text| is_file(text)).collect();
        assert!(!named.is_empty(), "{document} names no file");
        for name in named {
            // Named from the root, or from any folder: `sink/mod.rs`.
            let end = format!("/{}", name.trim_end_matches('/'));
            assert!(there.iter().any(|path| path.ends_with(&end)), "{document}: no `{name}`");
        }
    }
}

#[test]
fn kinds_of_records_are_documented() {
    let source = source("tracego/model/src", "pub mod event_name {");
    let (_, body) = source.split_once("pub mod event_name {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let kinds: BTreeSet<&str> = body.split('"').skip(1).step_by(2).collect();
    assert_eq!(kinds.len(), body.matches(": &str = ").count(), "{kinds:?}");

    let schema: serde_json::Value = serde_json::from_str(&read("tracego/schema/record.schema.json")).unwrap();
    let allowed = schema["properties"]["event_name"]["enum"].as_array().unwrap();
    assert_eq!(kinds, allowed.iter().map(|kind| kind.as_str().unwrap()).collect());

    let document = read("docs/records.md");
    for kind in kinds {
        assert!(document.contains(&format!("`{kind}`")), "docs/records.md does not name `{kind}`");
    }
}

#[test]
fn exit_codes_of_the_documents_are_those_of_the_help() {
    use clap::CommandFactory as _;
    let help = Cli::command().render_help().to_string();
    let (_, help) = help.split_once("Exit codes: ").unwrap();
    let (help, _) = help.split_once("\n\n").unwrap();
    let help: BTreeSet<&str> = help.split(';').map(|part| part.split_whitespace().next().unwrap()).collect();
    let document = read("docs/operation.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let documented: BTreeSet<&str> = rows.filter(|code| code.parse::<u8>().is_ok()).collect();
    assert_eq!(documented, help);
}

#[test]
fn the_readme_is_short_and_names_every_document() {
    let readme = read("README.md");
    assert!(readme.lines().count() < 150, "{} lines", readme.lines().count());
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let entry = entry.unwrap();
        // Pictures are in a folder.
        if entry.file_type().unwrap().is_dir() {
            continue;
        }
        let name = format!("(docs/{})", entry.file_name().display());
        assert!(readme.contains(&name), "README.md does not lead to {name}");
    }
}

#[test]
fn findings_of_every_rule_are_what_the_schema_says() {
    use tracego_analyze::rules::registry::RULES;
    use tracego_model::finding::{Confidence, Finding, Severity, Unenforced};
    let schema: serde_json::Value = serde_json::from_str(&read("tracego/schema/record.schema.json")).unwrap();
    let part = &schema["properties"]["tracego"]["properties"]["findings"];
    let findings = jsonschema::validator_for(part).unwrap();
    let all: Vec<Finding> = RULES
        .iter()
        .flat_map(|rule| rule.variants.iter().map(move |variant| (rule, variant)))
        .zip([Severity::Low, Severity::Medium, Severity::High, Severity::Critical].into_iter().cycle())
        .map(|((rule, variant), severity)| Finding {
            id: rule.id,
            name: rule.name,
            variant: Some(variant.name),
            severity,
            confidence: Confidence::Medium,
            message: "something is the case".into(),
            remedy: rule.remedy,
            evidence: [("package", "./cmd/server".to_owned())].into(),
            claimed: true,
            unenforced: Some(Unenforced::LetThrough),
            by_arguments: false,
        })
        .collect();
    let value = serde_json::to_value(&all).unwrap();
    let errors: Vec<String> = findings.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!findings.is_valid(&serde_json::json!([{ "id": "TG001", "name": "go-run" }])));
}

#[test]
fn every_metric_is_documented_and_no_other() {
    use tracego::metrics::{Board, StageNumbers, tally::PipelineTally};
    use tracego_analyze::enrich::Enricher;
    use tracego_deliver::sink::status::SinkStatus;
    use tracego_model::{counters::Counters, meta::Meta, policy::SourceCounts};
    use tracego_probe::programs::ProgramStats;
    let mut tally = PipelineTally::default();
    tally.jobs.add("4711", 1);
    let mut record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
    record.tracego.completeness.truncated.push("process.command_args");
    tally.count_record(&record);
    tally.traces = Some(tracego_deliver::traces::TraceCounts::default());
    tally.provenance = Some(tracego::provenance::ProvenanceCounters::default());
    tally.policy = Some(tracego_model::policy::PolicyCounts::default());
    let board = Arc::new(Board::new(1, Some("00".to_owned())));
    board.set_enforcement(std::sync::Arc::default());
    board.set_pods(std::sync::Arc::default());
    let sources = tracego_model::policy::PolicySourceStatus::default();
    sources.set(tracego_model::record::configuration::PolicySource::default(), SourceCounts::default());
    board.set_policy_sources(Arc::new(sources));
    board.set_privileges(tracego_model::record::privileges::AgentPrivileges::default());
    board.set_inventory(std::sync::Arc::default());
    board.set_stages(StageNumbers { tally: Some(tally), ..StageNumbers::default() });
    board.set_kernel(
        Counters::default(),
        &[ProgramStats { program: "process_exec".into(), time_ns: 1, count: 1 }],
        0,
    );
    let sink = SinkStatus::new("siem".to_owned(), true, 1 << 30);
    sink.count_lost("refused", 1);
    sink.set_files(Some(tracego_deliver::sink::status::FileCounts::default()));
    board.set_sinks(vec![Arc::new(sink)]);
    let text = board.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let names: BTreeSet<&str> = types.filter(|name| name.starts_with("tracego_")).collect();
    let document = read("docs/metrics.md");
    let named = document.split('`').skip(1).step_by(2);
    let named: BTreeSet<&str> = named.filter(|name| name.starts_with("tracego_")).collect();
    assert_eq!(named, names);
}

/// Returns the text of the only source file below a folder that contains `text`.
fn source(folder: &str, text: &str) -> String {
    let mut paths = Vec::new();
    tree(&root().join(folder), &mut paths);
    let paths = paths.iter().filter(|path| path.ends_with(".rs")).map(|path| read(&path[1..]));
    let mut found: Vec<String> = paths.filter(|source| source.contains(text)).collect();
    assert_eq!(found.len(), 1, "{folder}: {text}");
    found.remove(0)
}

/// Returns the keys of the only struct of tracego-deliver that is chosen by its folder and name and is read
/// from TOML.
fn settings(chosen: &dyn Fn(&str, &str) -> bool) -> Vec<String> {
    let mut paths = Vec::new();
    tree(&root().join("tracego/deliver/src"), &mut paths);
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.ends_with(".rs")) {
        let folder = Path::new(path).parent().unwrap().file_name().unwrap().to_str().unwrap();
        let source = read(&path[1..]);
        for body in source.split("pub struct ").skip(1) {
            let (name, body) = body.split_once(|c: char| !c.is_alphanumeric()).unwrap();
            if let (true, Some((body, _))) = (chosen(folder, name), body.split_once("\n}")) {
                found.push((path.clone(), keys(body)));
            }
        }
    }
    assert_eq!(found.len(), 1, "{:?}", found.iter().map(|(path, _)| path).collect::<Vec<_>>());
    found.remove(0).1
}

/// Returns the keys of a struct that is read from TOML, from the lines of its fields.
fn keys(body: &str) -> Vec<String> {
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    fields.map(|(name, _)| name.trim_start_matches("r#").replace('_', "-")).collect()
}

#[test]
fn every_ci_system_of_pods_is_documented() {
    let document = read("docs/kubernetes.md");
    let (_, section) = document.split_once("\n## Which job is it\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let rows: Vec<String> = rows.map(str::to_lowercase).collect();
    let records = read("docs/records.md");
    for system in tracego_analyze::enrich::pods::systems() {
        assert!(rows.iter().any(|row| row.contains(system)), "docs/kubernetes.md has no row for {system}");
        assert!(records.contains(&format!("`{system}`")), "docs/records.md does not name {system}");
    }
}

#[test]
fn every_type_of_sink_and_every_key_is_documented() {
    use tracego_deliver::sink::settings::SinkKind;
    let text = read("docs/sinks.md");
    let sections: Vec<(&str, &str)> =
        text.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    let section = |name: &str| {
        let found = sections.iter().find(|(title, _)| *title == name);
        found.unwrap_or_else(|| panic!("docs/sinks.md has no section {name}")).1
    };
    let has = |place: &str, key: &str| {
        let rows = section(place).lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let named = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).any(|named| named == key);
        assert!(named, "docs/sinks.md, {place}: no row for `{key}`");
    };
    for &kind in SinkKind::NAMES {
        section(kind);
        assert!(section("What all sinks have").contains(&format!("`{kind}`")), "{kind}");
        // Standard output has no settings.
        if kind != "stdout" {
            for key in settings(&|_, name| name.to_lowercase() == format!("{kind}settings")) {
                has(kind, &key);
            }
        }
    }
    for key in settings(&|_, name| ["Common", "CommonSettings"].contains(&name)) {
        has("What all sinks have", &key);
    }
    for key in settings(&|_, name| name == "TlsSettings") {
        has("tls", &key);
    }
    let reasons = tracego_spool::GapReason::ALL.map(tracego_deliver::sink::status::reason);
    for reason in reasons.iter().chain(&tracego_deliver::sink::status::lost::ALL) {
        assert!(section("What is promised").contains(&format!("`{reason}`")), "{reason}");
    }
}

#[test]
fn the_example_of_the_sinks_is_right() {
    let text = read("docs/sinks.md");
    let example = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, example.as_bytes()).unwrap();
    let line = ["tracego".into(), "--config".into(), file.path().into()];
    let configuration = tracego::config::read(&line).unwrap();
    assert_eq!(configuration.settings.sinks.len(), 3);
}

/// Returns the Rust files below a folder, without those of tests.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, into);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            into.push(path);
        }
    }
}

#[test]
fn every_rule_that_any_crate_defines_is_listed() {
    let mut files = Vec::new();
    sources(&root().join("tracego"), &mut files);
    let mut defined = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        // What stands behind the tests of a file is about them.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        defined
            .extend(text.split("id: \"TG").skip(1).filter_map(|rest| Some(format!("TG{}", rest.get(..3)?))));
    }
    assert!(defined.contains("TG001") && defined.contains("TG024"), "{defined:?}");
    let listed: BTreeSet<String> = tracego::cli::all_rules().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(defined, listed);
    let output =
        std::process::Command::new(tracego_tests::tracego()).args(["rules", "list"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let shown: BTreeSet<String> = shown.lines().map(|line| line[..5].to_owned()).collect();
    assert_eq!(shown, listed);
}
