//! Dockerfiles, and Earthfiles, whose commands are alike.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/>

use std::sync::Arc;

use super::exec_form;
use crate::{
    command::CommandReader,
    extract::{BaseImage, Context, Extract},
    setting::Setting,
    shell::{SimpleCommand, Variables},
    source::SourceFile,
    text::Text,
    word::Word,
};

/// One instruction.
struct Instruction {
    name: String,
    arguments: Text,
    heredocs: Vec<(String, Text)>,
}

/// A build stage.
#[derive(Default)]
struct Stage {
    name: Option<String>,
    image: Text,
    instructions: Vec<Instruction>,
}

/// Reads a Dockerfile.
pub(super) fn read(file: &SourceFile, extract: &mut Extract) {
    let mut arguments = Variables::default();
    let mut stages = vec![Stage::default()];
    for instruction in instructions(file.bytes()) {
        match instruction.name.as_str() {
            "FROM" => stages.push(stage_of(&instruction)),
            "ARG" if stages.len() == 1 => set_variables(&instruction.arguments, &mut arguments),
            _ => {}
        }
        if let Some(stage) = stages.last_mut() {
            stage.instructions.push(instruction);
        }
    }
    let is_earthfile = file.name() == "Earthfile";
    let last = LastStage::of(&stages);
    for (index, stage) in stages.iter().enumerate() {
        if index > 0 || is_earthfile {
            let is_last = index + 1 == stages.len() && !is_earthfile;
            let is_started = last.command == Some(index) && !is_earthfile;
            let build = match is_last && last.command.is_none() {
                true => Setting::ImageWithoutCommand,
                false => Setting::ImageBuild,
            };
            let start = if is_started { Setting::Production } else { Setting::UnusedStage };
            read_stage(stage, build, start, &arguments, extract);
        }
    }
    let image = last.base.and_then(|base| stages.get(base)).map(|stage| stage.image.clone());
    if let Some(name) = image.filter(|_| last.command.is_some() && !is_earthfile) {
        let context = Context { setting: Setting::ImageBuild, unit: None, folder: None };
        extract.images.push(BaseImage { name, context });
    }
}

/// The last stage, and those that it is based on.
struct LastStage {
    /// The stage whose CMD and ENTRYPOINT are in force.
    command: Option<usize>,
    /// The stage that is based on an image.
    base: Option<usize>,
}

impl LastStage {
    fn of(stages: &[Stage]) -> Self {
        let mut found = Self { command: None, base: None };
        let mut current = stages.len().checked_sub(1).filter(|index| *index > 0);
        while let Some((index, stage)) = current.and_then(|index| Some((index, stages.get(index)?))) {
            if found.command.is_none() && stage.has_command() {
                found.command = Some(index);
            }
            found.base = Some(index);
            // A stage can only be based on one that stands in front of it.
            let image = stage.image.to_str();
            current = stages.iter().take(index).position(|earlier| earlier.name.as_deref() == Some(&*image));
        }
        found
    }
}

impl Stage {
    fn has_command(&self) -> bool {
        self.instructions.iter().any(|instruction| matches!(instruction.name.as_str(), "CMD" | "ENTRYPOINT"))
    }
}

fn stage_of(from: &Instruction) -> Stage {
    let words = words_of(&from.arguments);
    let mut operands = words.iter().filter(|word| !word.value().starts_with("--"));
    let image = operands.next().map(|word| word.text.clone()).unwrap_or_default();
    let is_named = operands.next().is_some_and(|word| word.value().eq_ignore_ascii_case("as"));
    let name = operands.next().filter(|_| is_named).map(Word::value);
    Stage { name, image, instructions: Vec::new() }
}

fn read_stage(stage: &Stage, build: Setting, start: Setting, arguments: &Variables, extract: &mut Extract) {
    let unit: Option<Arc<str>> = stage.name.as_deref().map(Arc::from);
    let context = |setting| Context { setting, unit: unit.clone(), folder: None };
    let mut variables = arguments.clone();
    let (mut entrypoint, mut command) = (None, None);
    for instruction in &stage.instructions {
        match instruction.name.as_str() {
            "ENV" | "ARG" => {
                let mut reader = CommandReader::new(&context(build), extract);
                for (name, value) in pairs(&instruction.arguments) {
                    reader.declare(&name, &value);
                    variables.set(&name, value);
                }
            }
            "RUN" => {
                let mut reader = CommandReader::new(&context(build), extract);
                reader.variables = variables.clone();
                read_run(instruction, &mut reader);
            }
            "ENTRYPOINT" => entrypoint = Some(&instruction.arguments),
            "CMD" => command = Some(&instruction.arguments),
            "HEALTHCHECK" => {
                let text = &instruction.arguments;
                if let Some(at) = memchr::memmem::find(text.bytes(), b"CMD") {
                    let mut reader = CommandReader::new(&context(start), extract);
                    reader.variables = variables.clone();
                    read_form(&text.slice(at + 3..text.len()), &mut reader);
                }
            }
            _ => {}
        }
    }
    let mut reader = CommandReader::new(&context(start), extract);
    reader.variables = variables;
    match (entrypoint.and_then(exec_form::words), command) {
        // Arguments of CMD are appended to an entry point in exec form.
        (Some(mut words), Some(command)) => {
            // A script as entry point often executes its arguments.
            let own =
                exec_form::words(command).filter(|words| words.first().is_some_and(Word::is_go_command));
            reader.read_words(own.unwrap_or_default());
            match exec_form::words(command) {
                Some(more) => words.extend(more),
                None => words.extend(
                    [Word::known(Text::at(0, "/bin/sh")), Word::known(Text::at(0, "-c"))]
                        .into_iter()
                        .chain([Word::known(command.clone())]),
                ),
            }
            reader.read_words(words);
        }
        (Some(words), None) => reader.read_words(words),
        (None, _) => {
            for form in [entrypoint, command].into_iter().flatten() {
                read_form(form, &mut reader);
            }
        }
    }
}

/// Reads the exec form or the shell form of a command.
fn read_form(text: &Text, reader: &mut CommandReader<'_>) {
    match exec_form::words(text) {
        Some(words) => reader.read_words(words),
        None => reader.read_script(text),
    }
}

fn read_run(instruction: &Instruction, reader: &mut CommandReader<'_>) {
    let text = without_options(&instruction.arguments);
    read_form(&text, reader);
    if let [(_, body), ..] = instruction.heredocs.as_slice() {
        // `RUN <<EOF`: the document is the script. `RUN python <<EOF`: it is input of another program.
        let head = words_of(&text);
        let interpreter = head.iter().find(|word| !word.value().starts_with("<<"));
        if interpreter.is_none_or(|word| word.base_name().ends_with("sh")) {
            reader.read_script(body);
        }
    }
}

/// Leaves out options such as `--mount=type=cache,target=/root`.
fn without_options(text: &Text) -> Text {
    let mut start = 0;
    loop {
        let rest = text.bytes().get(start..).unwrap_or_default();
        let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let option = rest.get(blank..).unwrap_or_default();
        if !option.starts_with(b"--") {
            return text.slice(start + blank..text.len());
        }
        start += blank + option.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    }
}

/// Returns the names and values of ENV and ARG.
fn pairs(text: &Text) -> Vec<(String, Word)> {
    let words = words_of(text);
    let values: Vec<String> = words.iter().map(Word::value).collect();
    match (values.as_slice(), words.as_slice()) {
        // The old form: `ENV NAME value`.
        ([name, _, ..], [_, value, ..]) if !name.contains('=') => vec![(name.clone(), value.clone())],
        _ => words.iter().filter_map(Word::split_at_equals).collect(),
    }
}

fn set_variables(text: &Text, variables: &mut Variables) {
    for (name, value) in pairs(text) {
        variables.set(&name, value);
    }
}

/// Returns the words of a line, with quotes taken off.
fn words_of(line: &Text) -> Vec<Word> {
    let mut found = Vec::new();
    for SimpleCommand { words, assignments, .. } in crate::shell::parse(line, &mut Variables::default()) {
        for (name, value) in assignments {
            let mut text = Text::at(value.text.place(0), &format!("{name}="));
            text.append(&value.text, None);
            found.push(Word { text, ..value });
        }
        found.extend(words);
    }
    found
}

/// Splits a file into instructions, with continued lines joined and comments left out.
fn instructions(bytes: &[u8]) -> Vec<Instruction> {
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
