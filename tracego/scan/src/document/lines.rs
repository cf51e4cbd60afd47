//! Files whose lines are commands: units of systemd, supervisord, Procfiles and crontabs.

use super::exec_form;
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    shell::words_of,
    source::SourceFile,
    text::Text,
    word::Word,
};

/// Reads a unit of systemd, or a file of Quadlet or supervisord.
///
/// Source: systemd.service(5), systemd.syntax(7).
pub(super) fn read_unit(whole: &Text, extract: &mut Extract) {
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    // A container of Quadlet: `Exec` has the arguments of `Entrypoint`.
    let (mut entrypoint, mut exec): (Option<Text>, Option<Text>) = (None, None);
    let mut lines = whole.lines();
    while let Some(mut line) = lines.next() {
        while line.bytes().trim_ascii_end().ends_with(b"\\") {
            let end = line.bytes().trim_ascii_end().len() - 1;
            line = line.slice(0..end);
            let Some(next) = lines.next() else { break };
            line.push(b' ', next.place(0));
            line.append(&next, None);
        }
        let Some(equals) = memchr::memchr(b'=', line.bytes()) else { continue };
        let key = line.slice(0..equals).to_str().trim().to_owned();
        let value = line.slice(equals + 1..line.len());
        let mut reader = CommandReader::new(&context, extract);
        match key.as_str() {
            "ExecStart" | "ExecStartPre" | "ExecStartPost" | "ExecReload" | "ExecStop" | "ExecStopPost"
            | "ExecCondition" | "HealthCmd" | "HealthStartupCmd" | "command" => {
                // Characters in front of the path say how it is executed.
                let prefix = value.bytes().iter().take_while(|b| b" \t@-:+!|".contains(b)).count();
                reader.read_script(&value.slice(prefix..value.len()));
            }
            "Entrypoint" => entrypoint = Some(value),
            "Exec" => exec = Some(value),
            "Environment" | "environment" => {
                for (name, value) in words_of(&value).iter().filter_map(Word::split_at_equals) {
                    reader.declare(&name, &value);
                }
            }
            _ => {}
        }
    }
    let mut script = entrypoint.map(|text| without_brackets(&text)).unwrap_or_default();
    if let Some(exec) = exec {
        script.push(b' ', exec.place(0));
        script.append(&exec, None);
    }
    CommandReader::new(&context, extract).read_script(&script);
}

/// Returns a command in exec form as a script.
fn without_brackets(text: &Text) -> Text {
    let Some(words) = exec_form::words(text) else { return text.clone() };
    let mut script = Text::default();
    for word in words {
        script.append(&word.text, None);
        script.push(b' ', word.text.place(word.text.len()));
    }
    script
}

/// Reads a Procfile: `name: command`.
pub(super) fn read_procfile(file: &SourceFile, extract: &mut Extract) {
    let is_for_development = ["dev", "local"].iter().any(|word| file.name().to_lowercase().contains(word));
    let setting = if is_for_development { Setting::Developer } else { Setting::Production };
    let context = Context { setting, unit: None, folder: None };
    for line in Text::part(file.bytes(), 0..file.bytes().len()).lines() {
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let length = line.bytes().iter().take_while(|b| is_name(b)).count();
        if length > 0 && line.get(length) == Some(b':') {
            CommandReader::new(&context, extract).read_script(&line.slice(length + 1..line.len()));
        }
    }
}

/// Reads a crontab: five fields or a name such as `@daily`, a user in those of the system, and a command.
pub(super) fn read_crontab(file: &SourceFile, extract: &mut Extract) {
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    let has_user = file.path.contains("cron.d/") || file.path.contains("etc/");
    read_table(&Text::part(file.bytes(), 0..file.bytes().len()), has_user, &context, extract);
}

/// Reads the lines of a crontab.
pub(super) fn read_table(table: &Text, has_user: bool, context: &Context, extract: &mut Extract) {
    for line in table.lines() {
        let text = line.to_str().into_owned();
        let trimmed = text.trim_start();
        let first = trimmed.bytes().next().unwrap_or(b'#');
        if !(first.is_ascii_digit() || first == b'*' || first == b'@') {
            continue;
        }
        let fields = if first == b'@' { 1 } else { 5 } + usize::from(has_user);
        let mut rest = trimmed;
        for _ in 0..fields {
            rest = rest.find([' ', '\t']).map_or("", |end| rest.get(end..).unwrap_or_default()).trim_start();
        }
        let script = line.slice(line.len().saturating_sub(rest.len())..line.len());
        CommandReader::new(context, extract).read_script(&script);
    }
}
