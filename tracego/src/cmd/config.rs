//! The command `tracego config`: validates a configuration, or shows the options in force.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use serde_json::json;

use super::{code, output, output_check, plain_output::PlainOutput, policy, provenance, setup, telemetry};
use crate::{
    cli::{Config, ConfigAction},
    config::{self, Configuration, OptionValue, ProvenanceSettings, ReadFiles, RunSettings},
};

/// Keys of tables whose values are secret.
const SECRET: [&str; 3] = ["headers", "secret", "password"];
/// Text that replaces a secret value.
const HIDDEN: &str = "…";

/// Runs the command.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn config(asked: &Config) -> anyhow::Result<ExitCode> {
    match &asked.action {
        ConfigAction::Check { file } => check(file.as_deref()),
        ConfigAction::Show { report, options } => {
            let line: Vec<OsString> = ["tracego".into()].into_iter().chain(options.iter().cloned()).collect();
            let read = config::read(&line).unwrap_or_else(|error| error.exit());
            show(&read.settings.options, read.files, report.is_json())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Checks a file, the files of a folder, or the default files.
fn check(file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut line: Vec<OsString> = vec!["tracego".into()];
    if let Some(file) = file {
        line.extend(["--config".into(), file.into()]);
    }
    let Configuration { cli, settings, files } = match config::read(&line) {
        Ok(read) => read,
        Err(error) => {
            message!("{}", first_lines(&error).trim_end_matches('\n'));
            return Ok(ExitCode::from(code::UNREADABLE));
        }
    };
    settings.warnings.iter().for_each(|warning| message!("warning: {warning}"));
    let name = match (file, files.paths.as_slice()) {
        (Some(file), _) => file.display().to_string(),
        (None, []) => format!("defaults, since {} has no file", config::FOLDER),
        (None, paths) => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    };
    let watch = &cli.watch;
    // That is checked below, and would be reported twice.
    let but_provenance = RunSettings { provenance: ProvenanceSettings::default(), ..settings.clone() };
    let mistakes = [
        setup::options(watch, &but_provenance, false).err(),
        output_check::check(&watch.records, &settings, false).err(),
        output::redactor(&settings).err(),
        telemetry::check_traces(&watch.records).err(),
        policy::check_stage(&watch.records.policies).err(),
        provenance::check(&settings.provenance).err(),
    ];
    let mistakes: Vec<_> = mistakes.into_iter().flatten().collect();
    if mistakes.is_empty() {
        let sinks = settings.sinks.len();
        writeln!(io::stdout(), "{name}: ok, {sinks} sinks")?;
        return Ok(ExitCode::SUCCESS);
    }
    mistakes.iter().for_each(|error| message!("{name}: {error:#}"));
    Ok(ExitCode::from(code::UNREADABLE))
}

/// Returns an error's text without the usage lines, which are about the command line.
fn first_lines(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.split("\n\n").next().unwrap_or_default().trim_end().to_owned() + "\n"
}

fn show(settings: &[OptionValue], files: ReadFiles, json: bool) -> anyhow::Result<()> {
    let ReadFiles { paths, mut tables, origins } = files;
    tables.iter_mut().for_each(|(_, value)| hide(value));
    let mut out = PlainOutput::stdout(json);
    if json {
        writeln!(
            out,
            "{}",
            json!({ "options": settings, "tables": tables, "files": paths, "origins": origins })
        )?;
        return Ok(());
    }
    let lines: Vec<(String, &OptionValue)> =
        settings.iter().map(|setting| (line(setting), setting)).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0).min(48);
    for (line, setting) in lines {
        writeln!(out, "{line:width$}  # {}", setting.origin)?;
    }
    if !tables.is_empty() {
        writeln!(out)?;
        for (key, file) in &origins {
            writeln!(out, "# {key}: {}", file.display())?;
        }
        write!(out, "{tables}")?;
    }
    Ok(())
}

/// Returns the line of a file that sets the option, or a comment if it is not set.
fn line(setting: &OptionValue) -> String {
    let value = |text: &String| match text.as_str() {
        "true" | "false" => text.clone(),
        digits if !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            text.clone()
        }
        _ => toml::Value::String(text.clone()).to_string(),
    };
    match setting.values.as_slice() {
        [] => format!("#{} =", setting.name),
        [one] => format!("{} = {}", setting.name, value(one)),
        many => format!("{} = [{}]", setting.name, many.iter().map(value).collect::<Vec<_>>().join(", ")),
    }
}

/// Hides the secret values of a table.
fn hide(value: &mut toml::Value) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table.iter_mut() {
                if SECRET.contains(&key.as_str()) {
                    blank(value);
                } else {
                    hide(value);
                }
            }
        }
        toml::Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}

fn blank(value: &mut toml::Value) {
    match value {
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| blank(value)),
        other => *other = HIDDEN.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let text = "[[sinks]]\ntype = \"otlp\"\nheaders = { authorization = \"Bearer x\" }\nsecret = \"y\"";
        let mut tables: toml::Table = text.parse().unwrap();
        tables.iter_mut().for_each(|(_, value)| hide(value));
        let shown = tables.to_string();
        assert!(!shown.contains("Bearer") && !shown.contains("\"y\""), "{shown}");
        assert!(shown.contains("authorization") && shown.contains("otlp"), "{shown}");
    }

    #[test]
    fn what_is_shown_is_a_file_that_says_the_same() {
        let setting = |name: &str, values: &[&str]| OptionValue {
            name: name.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
            origin: Origin::Default,
        };
        assert_eq!(line(&setting("uid", &[])), "#uid =");
        assert_eq!(line(&setting("heartbeat", &["60"])), "heartbeat = 60");
        assert_eq!(line(&setting("tree", &["true"])), "tree = true");
        assert_eq!(line(&setting("event", &["execve", "exit"])), "event = [\"execve\", \"exit\"]");
        assert_eq!(
            line(&setting("env", &["A=\"b\""])).parse::<toml::Table>().unwrap()["env"],
            "A=\"b\"".into()
        );
    }
}
