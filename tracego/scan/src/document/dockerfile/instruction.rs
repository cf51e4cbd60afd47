//! The instructions of a Dockerfile: continued lines, comments, here-documents.

use crate::text::Text;

/// One instruction.
pub(super) struct Instruction {
    pub(super) name: String,
    pub(super) arguments: Text,
    pub(super) heredocs: Vec<(String, Text)>,
}

/// Splits a file into instructions, with continued lines joined and comments left out.
pub(super) fn instructions(bytes: &[u8]) -> Vec<Instruction> {
    let file = Text::part(bytes, 0..bytes.len());
    let escape = escape_of(bytes);
    let lines: Vec<Text> = file.lines().collect();
    let mut starts = vec![0];
    for line in &lines {
        starts.push(starts.last().copied().unwrap_or_default() + line.len() + 1);
    }
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        let trimmed = line.bytes().trim_ascii();
        if trimmed.is_empty() || trimmed.starts_with(b"#") {
            continue;
        }
        let mut whole = Text::default();
        let mut next = Some(line);
        while let Some(line) = next.take() {
            let bytes = line.bytes().trim_ascii_end();
            let is_comment = !whole.is_empty() && bytes.trim_ascii_start().starts_with(b"#");
            let continues = bytes.last() == Some(&escape);
            if !is_comment {
                whole.append(&line.slice(0..bytes.len() - usize::from(continues)), None);
            }
            if (continues || is_comment || bytes.is_empty()) && index < lines.len() {
                next = lines.get(index);
                index += 1;
            }
        }
        if let Some(mut instruction) = instruction_of(&whole) {
            if matches!(instruction.name.as_str(), "RUN" | "COPY" | "ADD") {
                index = read_heredocs(&mut instruction, &lines, index, &starts, &file);
            }
            found.push(instruction);
        }
    }
    found
}

fn escape_of(bytes: &[u8]) -> u8 {
    let first = bytes.split(|b| *b == b'\n').take_while(|line| line.trim_ascii_start().starts_with(b"#"));
    let directive = first.filter_map(|line| std::str::from_utf8(line).ok()).find_map(|line| {
        let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("escape").then(|| value.trim().bytes().next()).flatten()
    });
    directive.unwrap_or(b'\\')
}

fn instruction_of(line: &Text) -> Option<Instruction> {
    let bytes = line.bytes();
    let blank = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let length = bytes.get(blank..)?.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let name = String::from_utf8_lossy(bytes.get(blank..blank + length)?).to_ascii_uppercase();
    let arguments = line.slice(blank + length..line.len());
    // ONBUILD runs its instruction in a build to come.
    if name == "ONBUILD" {
        return instruction_of(&arguments);
    }
    Some(Instruction { name, arguments, heredocs: Vec::new() })
}

/// Reads the here-documents of an instruction from the lines behind it. Returns the index of the next line.
fn read_heredocs(
    instruction: &mut Instruction,
    lines: &[Text],
    mut index: usize,
    starts: &[usize],
    file: &Text,
) -> usize {
    let head = instruction.arguments.bytes().to_vec();
    let mut position = 0;
    while let Some(found) = head.get(position..).and_then(|rest| memchr::memmem::find(rest, b"<<")) {
        let front = head.get(..position + found).unwrap_or_default();
        let digits = front.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let front = front.get(..front.len() - digits).unwrap_or_default();
        position += found + 2;
        // `$((1<<20))` is no here-document.
        if front.last().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            continue;
        }
        let rest = head.get(position..).unwrap_or_default();
        let rest = rest.strip_prefix(b"-").unwrap_or(rest);
        let quoted = rest.first().is_some_and(|b| matches!(b, b'"' | b'\''));
        let rest = rest.get(usize::from(quoted)..).unwrap_or_default();
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let name = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned();
        if name.is_empty() {
            continue;
        }
        let from = index;
        let is_end = |line: &Text| line.bytes().trim_ascii() == name.as_bytes();
        let Some(length) = lines.get(from..).and_then(|rest| rest.iter().position(is_end)) else { continue };
        index += length;
        let start = starts.get(from).copied().unwrap_or(file.len()).min(file.len());
        let end = starts.get(index).copied().unwrap_or(file.len()).clamp(start, file.len());
        let body = file.slice(start..end);
        instruction.heredocs.push((name, body));
        index += 1;
    }
    index
}
