//! The ways of docs/deploy.md as parts of the guest's script: the commands of its `console` blocks, as they stand there.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

/// Comment in the document before a block of commands that the guest runs.
const RUN_BY: &str = "<!-- run by: cargo xtask systemd -->";
/// Beginning of the comment that names the file which the next block is the content of.
const FILE: &str = "<!-- file: ";
/// Line that ends a file in the script.
const END: &str = "END-OF-THE-FILE";

/// One way: a chapter of the document.
#[derive(Debug, Default, PartialEq)]
struct Way {
    /// Title of the chapter.
    title: String,
    /// Files, by name and content.
    files: Vec<(String, String)>,
    /// Commands, in their order.
    commands: Vec<String>,
}

/// Returns a script with a function `way_N` for each way, and `ways` with their numbers.
///
/// # Errors
/// Fails if the document has no way, or if a file cannot be written by the script.
pub(super) fn script(document: &str) -> Result<String> {
    let ways: Vec<Way> = ways(document);
    ensure!(!ways.is_empty(), "the document has no commands for the guest ({RUN_BY})");
    let mut script = String::new();
    for (number, way) in ways.iter().enumerate() {
        writeln!(script, "way_{number}() {{")?;
        for (name, content) in &way.files {
            ensure!(
                !content.lines().any(|line| line == END) && !name.contains('/'),
                "{name} cannot be written"
            );
            writeln!(script, "cat >{} <<'{END}'\n{content}{END}", quoted(name))?;
        }
        for command in &way.commands {
            let name = format!("{}: {command}", way.title);
            writeln!(script, "check {} sh -c {}", quoted(&name), quoted(command))?;
        }
        script += "}\n";
    }
    let numbers: Vec<String> = (0..ways.len()).map(|number| number.to_string()).collect();
    writeln!(script, "ways=\"{}\"", numbers.join(" "))?;
    Ok(script)
}

/// Returns the chapters with commands for the guest.
fn ways(document: &str) -> Vec<Way> {
    let mut all: Vec<Way> = Vec::new();
    let (mut before, mut block): (&str, Option<(&str, Vec<&str>)>) = ("", None);
    for line in document.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some((comment, lines))) => {
                if let Some(way) = all.last_mut() {
                    take(way, comment, lines);
                }
                block = None;
            }
            (Some(_), None) => block = Some((before, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    all.push(Way { title: title.to_owned(), ..Way::default() });
                }
            }
        }
        if !line.is_empty() {
            before = line;
        }
    }
    all.retain(|way| !way.commands.is_empty());
    all
}

/// Takes a block with the comment before it.
fn take(way: &mut Way, comment: &str, lines: &[&str]) {
    if comment == RUN_BY {
        way.commands.extend(lines.iter().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned));
    } else if let Some(name) = comment.strip_prefix(FILE).and_then(|rest| rest.strip_suffix(" -->")) {
        way.files.push((name.to_owned(), lines.iter().map(|line| format!("{line}\n")).collect()));
    }
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_of_a_chapter_are_a_way() {
        let document = "# Title\n\n## One\n\n<!-- file: a.toml -->\n```toml\nx = 1\n```\n\ntext\n\n\
                        <!-- run by: cargo xtask systemd -->\n```console\n$ echo it's\nit's\n$ true\n```\n\n\
                        ```console\n$ not this\n```\n\n## Two\n\n```console\n$ nor this\n```\n";
        let one = Way {
            title: "One".into(),
            files: vec![("a.toml".into(), "x = 1\n".into())],
            commands: vec!["echo it's".into(), "true".into()],
        };
        assert_eq!(ways(document), [one]);
        let made = script(document).unwrap();
        assert!(made.contains("cat >'a.toml' <<'END-OF-THE-FILE'\nx = 1\nEND-OF-THE-FILE\n"), "{made}");
        assert!(made.contains("check 'One: echo it'\\''s' sh -c 'echo it'\\''s'\n"), "{made}");
        assert!(made.ends_with("ways=\"0\"\n"), "{made}");
        assert!(script("# Nothing\n").is_err());
    }

    #[test]
    fn the_document_has_two_ways() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/deploy.md");
        let titles: Vec<_> =
            ways(&std::fs::read_to_string(path).unwrap()).into_iter().map(|way| way.title).collect();
        assert_eq!(titles, ["One machine feeding a SIEM", "A fleet of virtual machines"]);
    }
}
