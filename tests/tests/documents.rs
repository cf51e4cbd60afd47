//! Checks that the documents match the program: command lines, files, build steps and kinds of records.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Parser as _;
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

/// Returns the arguments of tracego in a console line, without comment and prompt; `None` for other commands.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let line = line.split(" #").next().unwrap().trim();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    assert!(!line.contains(['\'', '"', '\\']) || line.starts_with(['{', '"']), "needs a shell's eye: {line}");
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let rest = line.strip_prefix("tracego ").or_else(|| line.strip_prefix("cargo xtask run -- "))?;
    Some(rest.split_whitespace().collect())
}

#[test]
fn command_lines_of_the_readme_are_understood() {
    let text = read("README.md");
    let mut count = 0;
    for arguments in lines(&text, true).into_iter().filter_map(arguments) {
        count += 1;
        if let Err(error) = Cli::try_parse_from(["tracego"].iter().chain(&arguments)) {
            panic!("{}\n{error}", arguments.join(" "));
        }
    }
    assert!(count >= 5, "{count} command lines");
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
    let (_, body) = main.split_once("enum Arm {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let arms: BTreeSet<String> = body
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| kebab(line.split(|c: char| !c.is_alphanumeric()).next().unwrap()))
        .collect();
    assert!(arms.contains("ebpf") && arms.contains("test"), "{arms:?}");
    for document in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", ".ci/run"] {
        for (n, line) in read(document).lines().enumerate() {
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
    let source = read("tracego/src/enrich/record.rs");
    let (_, body) = source.split_once("pub mod event_name {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let kinds: BTreeSet<&str> = body.split('"').skip(1).step_by(2).collect();
    assert_eq!(kinds.len(), body.matches("pub const").count(), "{kinds:?}");

    let schema: serde_json::Value = serde_json::from_str(&read("tracego/schema/record.schema.json")).unwrap();
    let allowed = schema["properties"]["event_name"]["enum"].as_array().unwrap();
    assert_eq!(kinds, allowed.iter().map(|kind| kind.as_str().unwrap()).collect());

    let readme = read("README.md");
    for kind in kinds {
        assert!(readme.contains(&format!("`{kind}`")), "README.md does not name `{kind}`");
    }
}

#[test]
fn exit_codes_of_the_readme_are_those_of_the_help() {
    use clap::CommandFactory as _;
    let help = Cli::command().render_help().to_string();
    let (_, help) = help.split_once("Exit codes: ").unwrap();
    let (help, _) = help.split_once("\n\n").unwrap();
    let help: BTreeSet<&str> = help.split(';').map(|part| part.split_whitespace().next().unwrap()).collect();
    let readme = read("README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let readme: BTreeSet<&str> = rows.filter(|code| code.parse::<u8>().is_ok()).collect();
    assert_eq!(readme, help);
}

#[test]
fn findings_of_every_rule_are_what_the_schema_says() {
    use tracego_analyze::rules::table::RULES;
    use tracego_model::finding::{Confidence, Finding, Severity};
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
        })
        .collect();
    let value = serde_json::to_value(&all).unwrap();
    let errors: Vec<String> = findings.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!findings.is_valid(&serde_json::json!([{ "id": "TG001", "name": "go-run" }])));
}

#[test]
fn every_metric_is_in_the_readme_and_the_readme_names_no_other() {
    use tracego::metrics::{Board, Stages, tally::Tally};
    use tracego_analyze::enrich::Enricher;
    use tracego_deliver::sink::status::SinkStatus;
    use tracego_model::{counters::Counters, meta::Meta};
    use tracego_probe::load::Run;
    let mut tally = Tally::default();
    tally.jobs.add("4711", 1);
    let mut record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
    record.tracego.completeness.truncated.push("process.command_args");
    tally.made(&record);
    tally.traces = Some(tracego_deliver::traces::TraceCounts::default());
    tally.policy = Some(tracego_policy::engine::Counts::default());
    let board = Arc::new(Board::new(1, Some("00".to_owned())));
    board.enforces(std::sync::Arc::default());
    board.stages(Stages { tally: Some(tally), ..Stages::default() });
    board.kernel(Counters::default(), &[Run { program: "process_exec".into(), time_ns: 1, count: 1 }], 0);
    let sink = SinkStatus::new("siem".to_owned(), true, 1 << 30);
    sink.count_lost("refused", 1);
    sink.set_files(Some(tracego_deliver::sink::status::FileCounts::default()));
    board.sinks(vec![Arc::new(sink)]);
    let text = board.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let names: BTreeSet<&str> = types.filter(|name| name.starts_with("tracego_")).collect();
    let readme = read("README.md");
    let named = readme.split('`').skip(1).step_by(2);
    let named: BTreeSet<&str> = named.filter(|name| name.starts_with("tracego_")).collect();
    assert_eq!(named, names);
}

/// Returns the keys of a struct that is read from TOML, from its source.
fn keys(source: &str, of: &str) -> Vec<String> {
    let (_, body) = source.split_once(&format!("pub struct {of} {{")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    fields.map(|(name, _)| name.trim_start_matches("r#").replace('_', "-")).collect()
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
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tracego/deliver/src");
        let name = format!("{}{}Settings", kind[..1].to_uppercase(), &kind[1..]);
        let own = [
            format!("sink/{kind}/settings.rs"),
            format!("sink/{kind}/mod.rs"),
            "collector/settings.rs".to_owned(),
        ];
        let source = own.iter().filter_map(|path| fs::read_to_string(root.join(path)).ok());
        let source = source.into_iter().find(|source| source.contains(&format!("pub struct {name} {{")));
        assert!(source.is_some() || kind == "stdout", "there is no {name}");
        for key in source.iter().flat_map(|source| keys(source, &name)) {
            has(kind, &key);
        }
    }
    for key in keys(&read("tracego/deliver/src/sink/settings/mod.rs"), "CommonSettings") {
        has("What all sinks have", &key);
    }
    for key in keys(&read("tracego/deliver/src/http/tls.rs"), "TlsSettings") {
        has("tls", &key);
    }
    let reasons = tracego_spool::Reason::ALL.map(tracego_deliver::sink::status::reason);
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
    let (cli, _) = tracego::config::explained(&line).unwrap();
    assert_eq!(cli.watch.view.sinks.len(), 3);
}
