//! The lines of a statement: continued lines, here-documents, blocks of YAML, lists in brackets.

use crate::{document::DocumentKind, source::SourceFile};

/// Maximum number of lines of one statement.
const MAX_LINES: usize = 512;
/// Maximum number of lines of a list in brackets.
const MAX_LIST: usize = 32;

/// Returns the last line of the statement that begins on a line.
pub(super) fn last_line(file: &SourceFile, first: usize) -> usize {
    let kind = DocumentKind::of(&file.path);
    let is_yaml = file.name().ends_with(".yml") || file.name().ends_with(".yaml");
    let is_source = matches!(
        kind,
        Some(
            DocumentKind::GoSource
                | DocumentKind::Python
                | DocumentKind::JavaScript
                | DocumentKind::Ruby
                | DocumentKind::Jenkinsfile
        )
    );
    if is_yaml && let Some(last) = last_of_block(file, first) {
        return last;
    }
    let last = if is_yaml || is_source { last_of_list(file, first) } else { first };
    last_of_continuation(file, last)
}

/// Returns the last line of a block scalar whose key stands on a line.
fn last_of_block(file: &SourceFile, first: usize) -> Option<usize> {
    let head = without_comment(file.line(first)).trim_ascii_end();
    let indicator = head.rsplit(|byte| byte.is_ascii_whitespace()).next()?;
    let begins_block = indicator.first().is_some_and(|byte| matches!(byte, b'|' | b'>'))
        && indicator.iter().skip(1).all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
    // A block belongs to a key or an element of a list.
    let front = head.get(..head.len() - indicator.len()).unwrap_or_default().trim_ascii_end();
    if !begins_block
        || !front.last().is_some_and(|byte| matches!(byte, b':' | b'-')) && !front.contains(&b':')
    {
        return None;
    }
    let indent = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    let own = indent(file.line(first));
    let mut last = first;
    for number in (first + 1..=file.line_count()).take(MAX_LINES) {
        let line = file.line(number);
        if line.trim_ascii().is_empty() {
            continue;
        }
        if indent(line) <= own {
            break;
        }
        last = number;
    }
    Some(last)
}

/// Returns the line on which the brackets are closed that a line opens.
fn last_of_list(file: &SourceFile, first: usize) -> usize {
    let mut open = 0_usize;
    for number in (first..=file.line_count()).take(MAX_LIST) {
        for byte in file.line(number) {
            match byte {
                b'(' | b'[' => open += 1,
                b')' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        if open == 0 {
            return number;
        }
    }
    first
}

/// Returns the last line of a command that goes on behind `\\`, `|`, `&&` and `||`, with its here-document.
fn last_of_continuation(file: &SourceFile, first: usize) -> usize {
    let mut number = first;
    let mut delimiter = None;
    while number < file.line_count() && number - first < MAX_LINES {
        let line = file.line(number).trim_ascii_end();
        delimiter = delimiter.or_else(|| delimiter_of(line));
        let is_comment = line.trim_ascii_start().starts_with(b"#") && number > first;
        let continues = [&b"\\"[..], b"|", b"&&", b"`"].iter().any(|end| line.ends_with(end));
        if !continues && !is_comment {
            break;
        }
        number += 1;
    }
    let Some(delimiter) = delimiter else { return number };
    let behind = (number + 1..=file.line_count()).take(MAX_LINES);
    behind.into_iter().find(|number| file.line(*number).trim_ascii() == delimiter).unwrap_or(number)
}

/// Returns the line that ends the here-document of a line.
fn delimiter_of(line: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(line, b"<<")?;
    let rest = line.get(at + 2..)?;
    let rest = rest.strip_prefix(b"-").unwrap_or(rest).trim_ascii_start();
    let word = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"\"")).unwrap_or(rest);
    let length = word.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let begins = word.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    begins.then(|| word.get(..length).map(<[u8]>::to_vec)).flatten()
}

/// Leaves out a comment at the end of a line.
fn without_comment(line: &[u8]) -> &[u8] {
    memchr::memmem::find(line, b" #").and_then(|end| line.get(..end)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_the_language_says() {
        let last = |path: &str, text: &str| last_line(&SourceFile::new(path, text.into()), 1);
        assert_eq!(last("a.sh", "go run \\\n  -v \\\n  .\nb\n"), 3);
        assert_eq!(last("a.sh", "a |\n  b &&\n  c\nd\n"), 3);
        assert_eq!(last("a.sh", "sh <<'EOF'\ngo run .\nEOF\nb\n"), 3);
        assert_eq!(last("a.sh", "x=$((1 << 2))\nb\n"), 1);
        assert_eq!(last("Dockerfile", "RUN a && \\\n  # why\n  b\nRUN c\n"), 3);
        assert_eq!(last("a.yml", "- run: |\n    a\n\n    b\n- run: c\n"), 4);
        assert_eq!(last("a.yml", "- run: >- # why\n    a\n- b\n"), 2);
        assert_eq!(last("a.yml", "- |\n  a\n- b\n"), 2);
        assert_eq!(last("a.yml", "command: [go,\n  run]\nb: c\n"), 2);
        assert_eq!(last("a.yml", "- run: a || b\n- run: c\n"), 1);
        assert_eq!(last("a.go", "exec.Command(\n\t\"go\",\n)\nb()\n"), 3);
        assert_eq!(last("a.sh", "a\n"), 1);
    }
}
