//! Dockerfiles, and Earthfiles, whose commands are alike.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/>

mod instruction;
mod stage;

use std::sync::Arc;

use instruction::{Instruction, instructions};
use stage::{LastStage, Stage, stage_of};

use super::{DocumentKind, exec_form};
use crate::{
    command::CommandReader,
    extract::{BaseImage, Context, Extract},
    setting::Setting,
    shell::{Variables, words_of},
    source::SourceFile,
    text::Text,
    word::Word,
    written_file::WrittenFile,
};

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
            read_stage(stage, build, start, is_earthfile, &arguments, extract);
        }
    }
    for (index, stage) in stages.iter().enumerate().skip(1) {
        let of_stage = LastStage::of(stages.get(..=index).unwrap_or_default());
        let command =
            of_stage.command.and_then(|command| stages.get(command)).map(|stage| stage.name.clone());
        if let (Some(name), Some(command)) = (&stage.name, command) {
            extract.inherited_commands.push((name.clone(), command));
        }
    }
    let image = last.base.and_then(|base| stages.get(base)).map(|stage| stage.image.clone());
    if let Some(name) = image.filter(|_| last.command.is_some() && !is_earthfile) {
        let context = Context { setting: Setting::ImageBuild, unit: None, folder: None };
        extract.images.push(BaseImage { name, context });
    }
}

fn read_stage(
    stage: &Stage,
    build: Setting,
    start: Setting,
    is_earthfile: bool,
    arguments: &Variables,
    extract: &mut Extract,
) {
    let unit: Option<Arc<str>> = stage.name.as_deref().map(Arc::from);
    let context = |setting| Context { setting, unit: unit.clone(), folder: None };
    let mut variables = arguments.clone();
    let (mut entrypoint, mut command) = (None, None);
    for instruction in &stage.instructions {
        match instruction.name.as_str() {
            "ENV" | "ARG" => {
                let mut reader = CommandReader::new(&context(build), extract);
                if is_earthfile {
                    // `ARG V=$(go run ./version)`
                    reader.read_script(&instruction.arguments);
                }
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
            // Conditions and lists of an Earthfile run commands.
            "IF" | "ELSE" | "FOR" | "LET" | "SET" | "WAIT" if is_earthfile => {
                let mut reader = CommandReader::new(&context(build), extract);
                reader.variables = variables.clone();
                let text = without_options(&instruction.arguments);
                let is_else = text.bytes().starts_with(b"IF ");
                reader.read_script(&without_options(&text.slice(if is_else { 3 } else { 0 }..text.len())));
            }
            "COPY" | "ADD" => read_copied(instruction, &context(start), extract),
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
    let [(_, body), ..] = instruction.heredocs.as_slice() else { return read_form(&text, reader) };
    if text.bytes().trim_ascii_start().starts_with(b"<<") {
        // `RUN <<EOF`: the document is the script, unless its first line names another interpreter.
        let first_line = body.bytes().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_other = first_line.starts_with(b"#!")
            && DocumentKind::of_first_line(first_line) != Some(DocumentKind::Shell);
        if !is_other {
            reader.read_script(body);
        }
        return;
    }
    let mut script = text;
    for (name, body) in &instruction.heredocs {
        script.push(b'\n', body.place(0));
        script.append(body, None);
        script.append(&Text::at(body.place(body.len()), name), None);
    }
    reader.read_script(&script);
}

/// Reads the scripts that `COPY <<EOF /start.sh` writes.
fn read_copied(instruction: &Instruction, context: &Context, extract: &mut Extract) {
    let target = words_of(&instruction.arguments).last().map(Word::value).unwrap_or_default();
    for (_, body) in &instruction.heredocs {
        match WrittenFile::of(&target, body) {
            Some(WrittenFile::Script) => CommandReader::new(context, extract).read_script(body),
            Some(written) => extract.write(written, body),
            None => {}
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
