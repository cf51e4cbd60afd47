//! The `console` blocks of a document: commands, what the document shows below each, and how each is checked.

use std::process::Command;

/// Comment in a document before a block whose commands are placeholders or need more than a folder.
const PARSED_ONLY: &str = "<!-- example: parsed -->";
/// Comments that say who runs the commands of the next block.
const RUN_BY: [&str; 3] = [
    "<!-- run by: cargo xtask systemd -->",
    "<!-- run by: the tests of the chart -->",
    "<!-- run by: the tests of the fleet -->",
];
/// Beginning of the comment that names the file which the next block is the content of.
const FILE: &str = "<!-- file: ";

/// Subcommands that need neither root nor a receiver.
const WITHOUT_ROOT: [&str; 16] = [
    "attest",
    "config",
    "diff",
    "inspect",
    "policy",
    "provenance",
    "replay",
    "report",
    "rules",
    "sbom",
    "scan",
    "seal-key",
    "show",
    "spool",
    "top",
    "verify-log",
];
/// Programs other than tracego that examples may name.
const OTHERS: [&str; 21] = [
    "apt",
    "cargo",
    "curl",
    "dnf",
    "gh",
    "git",
    "helm",
    "install",
    "kill",
    "kubectl",
    "logrotate",
    "mount",
    "openssl",
    "podman",
    "python3",
    "setpriv",
    "sha256sum",
    "skopeo",
    "systemctl",
    "tail",
    "usermod",
];

/// A fenced block of a document.
pub(crate) struct Block {
    /// Line of the opening fence, from 1.
    pub(crate) line: usize,
    /// Language behind the fence.
    pub(crate) language: String,
    /// Lines between the fences.
    pub(crate) lines: Vec<String>,
    /// Name of the file that the block is the content of.
    pub(crate) file: Option<String>,
    /// Whether commands are only parsed.
    parsed_only: bool,
    /// Whether something else runs the commands.
    pub(crate) is_run_elsewhere: bool,
}

/// A command of a block, and what the document shows below it.
pub(crate) struct Example {
    /// Line of the command in the document, from 1.
    pub(crate) line: usize,
    /// The command as a shell takes it.
    pub(crate) command: String,
    /// Lines that the document shows as output.
    pub(crate) output: Vec<String>,
    /// The way in which the command is checked.
    pub(crate) check: Check,
}

/// The ways to check a command.
#[derive(Debug, PartialEq)]
pub(crate) enum Check {
    /// The command is run, and its output is compared.
    Run,
    /// The words behind `tracego` are parsed.
    Parse(Vec<String>),
    /// Another program; unchecked.
    Other,
}

/// Returns the fenced blocks of a document.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    let mut before = "";
    for (at, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                inside = true;
                let file = before.strip_prefix(FILE).and_then(|rest| rest.strip_suffix(" -->"));
                blocks.push(Block {
                    line: at + 1,
                    language: language.to_owned(),
                    lines: Vec::new(),
                    file: file.map(str::to_owned),
                    parsed_only: before == PARSED_ONLY,
                    is_run_elsewhere: RUN_BY.contains(&before),
                });
            }
            None if inside => {
                if let Some(block) = blocks.last_mut() {
                    block.lines.push(line.to_owned());
                }
            }
            None => {}
        }
        if !line.is_empty() {
            before = line;
        }
    }
    assert!(!inside, "a code block does not end");
    blocks
}

impl Block {
    /// Returns the commands of the block.
    ///
    /// # Panics
    /// Panics if the block does not begin with a command.
    pub(crate) fn examples(&self) -> Vec<Example> {
        let mut examples: Vec<Example> = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let line_number = self.line + 1 + at;
            if let Some(command) = line.strip_prefix("$ ") {
                let check = if self.parsed_only { parsed(command) } else { check(command) };
                examples.push(Example {
                    line: line_number,
                    command: command.to_owned(),
                    output: Vec::new(),
                    check,
                });
            } else {
                let last = examples.last_mut();
                let last = last.unwrap_or_else(|| panic!("line {line_number}: output without a command"));
                last.output.push(line.clone());
            }
        }
        examples
    }
}

/// Returns how a command is checked.
fn check(command: &str) -> Check {
    let Check::Parse(words) = parsed(command) else { return Check::Other };
    let asks = words.iter().any(|word| word == "--help" || word == "--version");
    let collector = words.iter().any(|word| word == "otlp" || word.starts_with("--otlp"));
    let rootless = words.first().is_some_and(|word| WITHOUT_ROOT.contains(&word.as_str()));
    if command.starts_with("tracego ") && !collector && (asks || rootless) {
        Check::Run
    } else {
        Check::Parse(words)
    }
}

/// Returns the words behind `tracego`, without looking at what they say.
fn parsed(command: &str) -> Check {
    let plain = command.strip_prefix("sudo ").unwrap_or(command);
    let rest = plain.strip_prefix("tracego ").or_else(|| plain.strip_prefix("cargo xtask run -- "));
    let Some(rest) = rest else {
        let program = plain.split(' ').next().unwrap_or_default();
        assert!(OTHERS.contains(&program), "no known program: {command}");
        return Check::Other;
    };
    let end = [" | ", " > ", " && ", " 2>"].iter().filter_map(|end| rest.find(end)).min();
    Check::Parse(words(&rest[..end.unwrap_or(rest.len())]))
}

/// Splits words as a shell does; a comment behind them is left out.
fn words(text: &str) -> Vec<String> {
    let script = format!("set -f\nfor word in {text}\ndo printf '%s\\n' \"$word\"\ndone");
    let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Whether output is what a document shows. A line of `…` stands for any number of lines, `…` in a line for
/// any text.
pub(crate) fn is_shown(shown: &[String], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=lines.len()).any(|skipped| is_shown(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| is_shown_line(first, line) && is_shown(rest, lines)),
    }
}

/// Whether a line of the output is what a document shows.
fn is_shown_line(shown: &str, line: &str) -> bool {
    let Some((front, rest)) = shown.split_once('…') else { return shown == line };
    let Some(mut line) = line.strip_prefix(front) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = line.find(part) else { return false };
        line = &line[at + part.len()..];
    }
    line.ends_with(end)
}

/// Returns the shown lines that differ from the output, by index, with the lines of the output in their place.
/// Returns nothing if the output does not fit otherwise.
pub(crate) fn corrected<'a>(shown: &[String], lines: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut changed = Vec::new();
    let mut fixed = shown.to_vec();
    let mut rest = lines;
    let mut is_behind_gap = false;
    for (at, line) in shown.iter().enumerate() {
        if line == "…" {
            is_behind_gap = true;
            continue;
        }
        let skipped =
            if is_behind_gap { rest.iter().position(|other| is_shown_line(line, other)) } else { Some(0) };
        let Some((&other, behind)) = skipped.and_then(|skipped| rest[skipped..].split_first()) else {
            return Vec::new();
        };
        if !is_shown_line(line, other) {
            other.clone_into(&mut fixed[at]);
            changed.push((at, other));
        }
        (rest, is_behind_gap) = (behind, false);
    }
    if is_shown(&fixed, lines) { changed } else { Vec::new() }
}

#[test]
fn changed_lines_are_found_between_gaps() {
    let shown: Vec<String> = ["a", "…", "d…", "e", "…"].map(str::to_owned).to_vec();
    assert_eq!(corrected(&shown, &["a", "b", "dd", "E", "f"]), [(3, "E")]);
    assert_eq!(corrected(&shown, &["A", "dd", "e"]), [(0, "A")]);
    assert_eq!(corrected(&shown, &["a", "b", "e"]), []);
}

#[test]
fn ellipses_stand_for_anything() {
    let shown = |shown: &[&str], lines: &[&str]| {
        is_shown(&shown.iter().map(|&line| line.to_owned()).collect::<Vec<_>>(), lines)
    };
    assert!(shown(&["a…c", "…", "z"], &["abc", "x", "y", "z"]));
    assert!(shown(&["…"], &[]));
    assert!(shown(&["a…c…e"], &["abcde"]));
    assert!(!shown(&["a…c", "…", "z"], &["abc", "x", "y"]));
    assert!(!shown(&["a…c…e"], &["abde"]));
    assert!(!shown(&["a"], &["a", "b"]));
    assert!(!shown(&["ab…ba"], &["aba"]));
}

#[test]
fn commands_are_told_apart() {
    let words = |words: &[&str]| Check::Parse(words.iter().map(|&word| word.to_owned()).collect());
    assert_eq!(check("tracego replay FILE --output json  # again"), Check::Run);
    assert_eq!(check("tracego replay FILE --output otlp"), words(&["replay", "FILE", "--output", "otlp"]));
    assert_eq!(check("sudo tracego run -- sh -c 'a b' > log"), words(&["run", "--", "sh", "-c", "a b"]));
    assert_eq!(check("cargo xtask run -- -e exit"), words(&["-e", "exit"]));
    assert_eq!(check("openssl genpkey -algorithm ed25519"), Check::Other);
}
