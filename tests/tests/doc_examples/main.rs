//! Every example of README.md and docs/: commands are run where they need no root, and parsed elsewhere.
//!
//! `TRACEGO_BLESS=1` writes changed lines of outputs into the documents; look at the difference afterwards.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod console;
mod folder;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use console::{Block, Check, Example, blocks, corrected, is_shown};
use folder::Folder;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the documents for users, as paths from the root.
fn documents() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let docs = docs.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let mut all: Vec<String> =
        docs.chain(["README.md", "deploy/policies/README.md"].map(str::to_owned)).collect();
    all.sort();
    all
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Parses a command line of tracego as the program does, without its environment.
fn parse(words: &[String]) -> Result<(), String> {
    let line = ["tracego"].into_iter().chain(words.iter().map(String::as_str));
    match tracego::config::command().try_get_matches_from(line) {
        Ok(_) => Ok(()),
        Err(error) if !error.use_stderr() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Default)]
struct Checked {
    run: usize,
    parsed: usize,
    wrong: Vec<String>,
}

impl Checked {
    /// Checks the examples of a document, one after the other in one folder.
    fn document(&mut self, document: &str) {
        let folder = Folder::prepared();
        let text = read(document);
        let mut changes = Vec::new();
        for block in blocks(&text) {
            if let Some(name) = &block.file {
                folder.write(name, &block.lines.join("\n"));
            }
            if block.language == "console" {
                self.block(document, &block, &folder, &mut changes);
            }
        }
        if !changes.is_empty() && std::env::var_os("TRACEGO_BLESS").is_some() {
            let mut lines: Vec<&str> = text.lines().collect();
            for (at, line) in &changes {
                lines[*at] = line;
            }
            fs::write(root().join(document), lines.join("\n") + "\n").unwrap();
        }
    }

    fn block(&mut self, document: &str, block: &Block, folder: &Folder, changes: &mut Vec<(usize, String)>) {
        let before = self.run + self.parsed;
        let examples = block.examples();
        for example in &examples {
            let place = format!("{document}:{}: {}", example.line, example.command);
            match &example.check {
                Check::Run => {
                    self.run += 1;
                    self.compare(&place, example, folder, changes);
                }
                Check::Parse(words) => {
                    self.parsed += 1;
                    self.wrong.extend(parse(words).err().map(|error| format!("{place}\n{error}")));
                }
                Check::Other => {}
            }
        }
        let steps = examples.iter().any(|example| example.command.starts_with("cargo xtask "));
        if before == self.run + self.parsed && !steps && !block.is_run_elsewhere {
            self.wrong.push(format!("{document}:{}: no example of this block is checked", block.line));
        }
    }

    fn compare(
        &mut self,
        place: &str,
        example: &Example,
        folder: &Folder,
        changes: &mut Vec<(usize, String)>,
    ) {
        let (success, output) = folder.run(&example.command);
        let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
        if example.output.is_empty() {
            if !success {
                self.wrong.push(format!("{place}\nfails:\n{output}"));
            }
        } else if !is_shown(&example.output, &lines) {
            let changed = corrected(&example.output, &lines).into_iter();
            changes.extend(changed.map(|(at, line)| (example.line + at, line.to_owned())));
            self.wrong
                .push(format!("{place}\nis shown with\n{}\nand gives\n{output}", example.output.join("\n")));
        }
    }
}

#[test]
fn every_example_does_what_its_document_says() {
    let mut checked = Checked::default();
    for document in documents() {
        checked.document(&document);
    }
    assert!(checked.wrong.is_empty(), "{}", checked.wrong.join("\n\n"));
    assert!(checked.run >= 15, "{} examples were run", checked.run);
    assert!(checked.parsed >= 15, "{} examples were parsed", checked.parsed);
}

#[test]
fn the_configurations_of_the_documents_are_right() {
    let mut count = 0;
    // Certificates and secrets have to be there.
    let authority = tempfile::NamedTempFile::new().unwrap();
    let signed = rcgen::generate_simple_self_signed(["siem.example".to_owned()]).unwrap();
    fs::write(authority.path(), signed.cert.pem()).unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "a secret").unwrap();
    for document in documents() {
        let mut text = read(&document).replace("/etc/tracego/siem.pem", authority.path().to_str().unwrap());
        for name in ["clickhouse.password", "elasticsearch.key", "kafka.password"] {
            text = text.replace(&format!("/etc/tracego/{name}"), secret.path().to_str().unwrap());
        }
        // The settings of a repository are read by the scans of their document.
        let is_of_watching = |block: &&Block| block.file.as_deref() != Some(".tracego.toml");
        for block in blocks(&text).iter().filter(|block| block.language == "toml").filter(is_of_watching) {
            count += 1;
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), block.lines.join("\n")).unwrap();
            let line = ["tracego".into(), "--config".into(), file.path().into()];
            if let Err(error) = tracego::config::read(&line) {
                panic!("{document}:{}: {error}", block.line);
            }
        }
    }
    assert!(count >= 3, "{count} configurations");
}

#[test]
fn the_whole_record_is_one_that_tracego_writes() {
    let text = read("README.md");
    let blocks = blocks(&text);
    let shown = blocks.iter().find(|block| block.language == "json").expect("README.md shows a record");
    let shown: serde_json::Value = serde_json::from_str(&shown.lines.join("\n")).unwrap();
    let (_, output) =
        Folder::prepared().run("tracego replay tests/golden/go.capture --output json --detail full");
    let mut records = tracego_tests::records(&output);
    let written = records.iter_mut().find(|record| record["log"] == shown["log"]).expect("no such record");
    written["service"]["version"] = shown["service"]["version"].clone();
    assert_eq!(&shown, written);
}

/// Collects the long options of a command and of its subcommands.
fn options(command: &clap::Command, found: &mut BTreeSet<String>) {
    let long = command.get_arguments().filter_map(clap::Arg::get_long);
    found.extend(long.map(|long| format!("--{long}")));
    for sub in command.get_subcommands() {
        options(sub, found);
    }
}

#[test]
fn options_in_the_text_exist() {
    let mut known = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    options(&tracego::config::command(), &mut known);
    let script = read("deploy/ci/tracego-job");
    let own = script.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(')'));
    known.extend(own.map(|(option, _)| format!("--{option}")));
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        let fenced: BTreeSet<usize> =
            blocks(&text).iter().flat_map(|block| block.line - 1..=block.line + block.lines.len()).collect();
        let plain = text.lines().enumerate().filter(|(at, _)| !fenced.contains(at));
        for (at, span) in
            plain.flat_map(|(at, line)| line.split('`').skip(1).step_by(2).map(move |span| (at, span)))
        {
            // Options of other programs, also in the examples of secrets.
            let foreign =
                ["cargo ", "docker ", "git ", "go ", "opa ", "openssl ", "podman ", "sudo --preserve-env"];
            let secrets = ["--db-password", "--no-password", "--password", "--secret-id", "--acme-pin"];
            if foreign.iter().chain(&secrets).any(|start| span.starts_with(start)) {
                continue;
            }
            for word in span.split([' ', '[', '(']).filter(|word| word.starts_with("--") && word.len() > 2) {
                let option = word.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).next().unwrap();
                count += 1;
                assert!(known.contains(option), "{document}:{}: there is no {option}", at + 1);
            }
        }
    }
    assert!(count >= 30, "{count} options are named");
}

/// Returns the anchors of the headings of a document, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let titles =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    titles
        .map(|title| title.to_lowercase().replace(' ', "-").chars().filter(|&c| kept(c)).collect())
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned);
    for document in documents().into_iter().chain(others) {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let here = root().join(&document);
            let there = if file.is_empty() { here } else { here.parent().unwrap().join(file) };
            assert!(there.exists(), "{document}: {target}");
            let found = || anchors(&fs::read_to_string(&there).unwrap()).contains(anchor);
            assert!(anchor.is_empty() || found(), "{document}: {target}: no such heading");
        }
    }
    assert!(count >= 20, "{count} links");
}
