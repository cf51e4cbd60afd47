//! The command `tracego config`: validates a configuration, or shows the options in force.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::json;

use super::{code, output, output_check, plain_output::PlainOutput, policy, setup, telemetry};
use crate::{
    cli::{Config, ConfigAction},
    config::{self, Configuration, OptionValue},
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
        ConfigAction::Check { file } => {
            let line = ["tracego".into(), "--config".into(), file.into()];
            Ok(match config::read(&line) {
                Ok(Configuration { cli, settings }) => {
                    settings.warnings.iter().for_each(|warning| message!("warning: {warning}"));
                    let watch = &cli.watch;
                    let mistakes = [
                        setup::options(watch, &settings, false).err(),
                        output_check::check(&watch.records, &settings, false).err(),
                        output::redactor(&settings).err(),
                        telemetry::check_traces(&watch.records).err(),
                        policy::check_stage(&watch.records.policies).err(),
                    ];
                    let mistakes: Vec<_> = mistakes.into_iter().flatten().collect();
                    if mistakes.is_empty() {
                        let sinks = settings.sinks.len();
                        writeln!(io::stdout(), "{}: ok, {sinks} sinks", file.display())?;
                        return Ok(ExitCode::SUCCESS);
                    }
                    mistakes.iter().for_each(|error| message!("{}: {error:#}", file.display()));
                    ExitCode::from(code::UNREADABLE)
                }
                Err(error) => {
                    message!("{}", first_lines(&error).trim_end_matches('\n'));
                    ExitCode::from(code::UNREADABLE)
                }
            })
        }
        ConfigAction::Show { report, options } => {
            let line: Vec<OsString> = ["tracego".into()].into_iter().chain(options.iter().cloned()).collect();
            let Configuration { cli, settings } = config::read(&line).unwrap_or_else(|error| error.exit());
            let tables = match &cli.watch.records.config {
                Some(path) => config::tables(path).map_err(anyhow::Error::msg)?,
                None => toml::Table::new(),
            };
            show(&settings.options, tables, report.is_json())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Returns an error's text without the usage lines, which are about the command line.
fn first_lines(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.split("\n\n").next().unwrap_or_default().trim_end().to_owned() + "\n"
}

fn show(settings: &[OptionValue], mut tables: toml::Table, json: bool) -> anyhow::Result<()> {
    tables.iter_mut().for_each(|(_, value)| hide(value));
    let mut out = PlainOutput::stdout(json);
    if json {
        writeln!(out, "{}", json!({ "options": settings, "tables": tables }))?;
        return Ok(());
    }
    let lines: Vec<(String, &OptionValue)> =
        settings.iter().map(|setting| (line(setting), setting)).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0).min(48);
    for (line, setting) in lines {
        writeln!(out, "{line:width$}  # {}", setting.origin)?;
    }
    if !tables.is_empty() {
        write!(out, "\n{tables}")?;
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
