//! The places in the sources that led to findings of a run: what a scan of the sources found, held against what ran.

use std::path::Path;

use tracego_report::history::{ReportedFinding, RunHistory, SourcePlace};
use tracego_scan::{
    finding::ScanFinding,
    source::Position,
    tree::{ScanOptions, scan},
};

use crate::{cli::UsageError, cmd::scan::sarif_results::number};

/// Id of the rule about programs that `go run` made: the command that made one has the place.
const ARTIFACT: &str = "TG002";
/// Id of the rule about `go run`.
const GO_RUN: &str = "TG001";

/// Gives each finding of a history its places in a folder of sources. Returns what could not be read there.
///
/// # Errors
/// Fails if the folder cannot be read.
pub(super) fn add(history: &mut RunHistory, folder: &Path) -> anyhow::Result<Vec<String>> {
    let options = ScanOptions { paths: vec![folder.to_owned()], is_strict: true, ..ScanOptions::default() };
    let report = scan(&options).map_err(|error| UsageError(format!("--source: {error}")))?;
    let places: Vec<Vec<SourcePlace>> =
        history.findings.iter().map(|finding| places_of(finding, history, &report.findings)).collect();
    for (finding, places) in history.findings.iter_mut().zip(places) {
        finding.places = places;
    }
    Ok(report.unread.iter().map(|unread| format!("{}: {}", unread.path, unread.reason)).collect())
}

/// Returns the places of the candidate that fits best: its own, and those of its callers, the nearest first.
fn places_of(finding: &ReportedFinding, history: &RunHistory, scanned: &[ScanFinding]) -> Vec<SourcePlace> {
    let rule = if finding.id == ARTIFACT { GO_RUN } else { &finding.id };
    let program = finding.program.and_then(|at| history.programs.get(at));
    let program = match program.and_then(|run| run.go_command) {
        Some(command) if finding.id == ARTIFACT => history.programs.get(command),
        _ => program,
    };
    let Some(program) = program else { return Vec::new() };
    let words: Vec<&str> = program.arguments.iter().flat_map(|word| word.split_whitespace()).collect();
    let candidates =
        scanned.iter().filter(|one| one.case.rule.id == rule && is_same(&one.case.subject, &words));
    let best = candidates.max_by_key(|one| nearness(one, finding));
    best.map(|one| {
        let own = place(&one.path, one.start, &one.line, one);
        let callers = one.callers.iter().rev().map(|step| SourcePlace {
            path: step.path.clone(),
            line: number(step.position.line),
            column: number(step.position.column),
            end_column: None,
            text: step.line.clone(),
        });
        std::iter::once(own).chain(callers).collect()
    })
    .unwrap_or_default()
}

fn place(path: &str, start: Position, line: &str, found: &ScanFinding) -> SourcePlace {
    SourcePlace {
        path: path.to_owned(),
        line: number(start.line),
        column: number(start.column),
        end_column: (found.end.line == start.line).then(|| number(found.end.column)),
        text: line.trim().to_owned(),
    }
}

/// Whether the words of a file can have become those that ran. A part that the file does not know, such as `$PKG`, can be
/// anything; the name of the program may have become a path.
fn is_same(subject: &str, ran: &[&str]) -> bool {
    let written: Vec<&str> = subject.split_whitespace().collect();
    let (Some((_, written)), Some((_, ran))) = (written.split_first(), ran.split_first()) else {
        return false;
    };
    fits(written, ran)
}

/// Compares words, as patterns of paths are compared: where it fails, the last list takes one word more.
fn fits(written: &[&str], ran: &[&str]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut last_list: Option<(usize, usize)> = None;
    while let Some(word) = ran.get(position) {
        match written.get(at) {
            Some(pattern) if is_list(pattern) => {
                last_list = Some((at, position));
                at += 1;
            }
            Some(pattern) if fits_word(pattern, word) => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((list, taken)) = last_list else { return false };
                last_list = Some((list, taken + 1));
                at = list + 1;
                position = taken + 1;
            }
        }
    }
    written.get(at..).unwrap_or_default().iter().all(|word| is_list(word))
}

/// Whether a word can become any number of words.
fn is_list(word: &str) -> bool {
    matches!(word, "$@" | "$*" | "${@}" | "${AUTOMATIC}" | "$EXPRESSION") || word.contains("[@]")
}

fn fits_word(written: &str, ran: &str) -> bool {
    match written.split_once('$') {
        None => written == ran,
        Some((before, behind)) => {
            let after = behind.rsplit_once(['}', ')']).map_or("", |(_, after)| after);
            ran.len() >= before.len() + after.len() && ran.starts_with(before) && ran.ends_with(after)
        }
    }
}

/// Returns how well the files on the way to a command agree with the processes above the finding.
fn nearness(scanned: &ScanFinding, finding: &ReportedFinding) -> usize {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let files = std::iter::once(&scanned.relative_path).chain(scanned.callers.iter().map(|step| &step.path));
    let is_above = |file: &str| {
        finding.ancestors.iter().any(|above| {
            let is_make = file.to_ascii_lowercase().starts_with("makefile") || file.ends_with(".mk");
            above.command.contains(file) || is_make && above.command.starts_with("make")
        })
    };
    // A step that is known of both weighs more than a longer way.
    files.filter(|path| is_above(&name(path))).count() * 8 + usize::from(!scanned.callers.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_file_become_those_that_ran() {
        let same = |written: &str, ran: &str| is_same(written, &ran.split(' ').collect::<Vec<_>>());
        assert!(same("go run ./cmd/server", "/usr/local/go/bin/go run ./cmd/server"));
        assert!(same("${GO} run ./cmd/$NAME --port=${PORT}0", "go run ./cmd/server --port=80"));
        assert!(same("go run . $@", "go run . a b c") && same("go run . $@", "go run ."));
        assert!(!same("go run ./cmd/server", "go run ./cmd/other"));
        assert!(!same("go run ./cmd/server", "go run ./cmd/server -v"));
        assert!(!same("go run ./${X}.go", "go run ./x.sh"));
        assert!(same("go run $@ x $@", "go run a x b x") && !same("go run $@ x", "go run a b"));
        let many = format!("go run {}", "$@ ".repeat(40));
        assert!(!same(&format!("{many} x"), &format!("go run {}", "a ".repeat(400))));
    }
}
