//! The command `tracego rules`: lists and explains rules.

use std::{
    io::{self, Write},
    process::ExitCode,
};
use tracego_analyze::rules::settings::options::RuleKey;

use anyhow::Context as _;
use clap::ValueEnum as _;
use serde::Serialize;
use tracego_analyze::rules::{
    rule::{Grades, Rule},
    settings::{RuleSettings, options::KEYS},
};
use tracego_model::finding::Severity;

use crate::cli::{Rules, RulesAction, RulesExplain, RulesList, all_rules, is_of_reports};

/// A rule with everything known about it.
#[derive(Serialize)]
struct RuleDetails {
    #[serde(flatten)]
    rule: &'static Rule,
    /// Severity of the worst case.
    worst: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    settings: Vec<RuleSetting>,
}

#[derive(Serialize)]
struct RuleSetting {
    name: &'static str,
    default: &'static str,
    about: &'static str,
}

impl RuleDetails {
    fn of(rule: &'static Rule, enabled: Option<bool>) -> Self {
        let settings =
            keys(rule).map(|key| RuleSetting { name: key.name, default: key.default, about: key.about });
        Self { rule, worst: rule.severity(), enabled, settings: settings.collect() }
    }
}

fn keys(rule: &Rule) -> impl Iterator<Item = &'static RuleKey> {
    KEYS.iter().filter(|key| key.rule == rule.id)
}

/// Prints the rules, or one of them.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn rules(rules: &Rules, settings: &RuleSettings) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let done = match &rules.action {
        RulesAction::List(asked) => list(asked, settings, &mut out),
        RulesAction::Explain(asked) => explain(asked, &mut out),
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.context("cannot write to standard output")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(asked: &RulesList, settings: &RuleSettings, out: &mut impl Write) -> io::Result<()> {
    let is_on = |rule| settings.is_on(rule);
    if asked.report.is_json() {
        let all: Vec<RuleDetails> =
            all_rules().map(|rule| RuleDetails::of(rule, Some(is_on(rule)))).collect();
        serde_json::to_writer_pretty(&mut *out, &all)?;
        return writeln!(out);
    }
    let width = all_rules().map(|rule| rule.name.len()).max().unwrap_or_default();
    for rule in all_rules() {
        let state = if is_on(rule) { rule.severity().name() } else { "off" };
        writeln!(out, "{}  {:<width$}  {state:<8}  {}", rule.id, rule.name, rule.title)?;
    }
    Ok(())
}

fn explain(asked: &RulesExplain, out: &mut impl Write) -> io::Result<()> {
    let rule = asked.rule;
    if asked.report.is_json() {
        serde_json::to_writer_pretty(&mut *out, &RuleDetails::of(rule, None))?;
        return writeln!(out);
    }
    writeln!(out, "{} {}: {}", rule.id, rule.name, rule.title)?;
    writeln!(out, "\n{}", wrapped(rule.summary, ""))?;
    writeln!(out, "\nRemedy: {}", wrapped(rule.remedy, ""))?;
    writeln!(out, "Reference: {}", rule.reference)?;
    writeln!(out, "\nCases:")?;
    for variant in rule.variants {
        writeln!(out, "\n  {}: {}", variant.name, grades(variant.grades))?;
        writeln!(out, "      {}", wrapped(variant.summary, "      "))?;
        if !variant.remedy.is_empty() {
            writeln!(out, "      → {}", wrapped(variant.remedy, "        "))?;
        }
    }
    if is_of_reports(rule) {
        return writeln!(out, "\nSettings: none; tracego report --baseline FILE makes the finding.");
    }
    writeln!(out, "\nSettings, in [rules.{}] of the configuration:", rule.id)?;
    writeln!(out, "\n  enabled, severity, variants, only, except")?;
    for key in keys(rule) {
        writeln!(out, "  {} = {}", key.name, wrapped(key.default, "      "))?;
        writeln!(out, "      {}", wrapped(key.about, "      "))?;
    }
    Ok(())
}

/// Formats places by severity, the worst first: `high (CI job, production), low (terminal)`.
fn grades(grades: Grades) -> String {
    let each = grades.each();
    let of = |severity: Severity| {
        let places: Vec<&str> =
            each.iter().filter(|(_, s)| *s == severity).map(|(place, _)| *place).collect();
        match places.len() {
            0 => None,
            n if n == each.len() => Some(severity.to_string()),
            _ => Some(format!("{severity} ({})", places.join(", "))),
        }
    };
    Severity::value_variants().iter().rev().filter_map(|s| of(*s)).collect::<Vec<_>>().join(", ")
}

/// Number of columns of a line.
const COLUMNS: usize = 88;

/// Wraps a text between words; lines after the first begin with `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let (mut wrapped, mut column) = (String::new(), indent.chars().count());
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent.len() && column + 1 + length > COLUMNS {
            wrapped.push('\n');
            wrapped.push_str(indent);
            column = indent.chars().count();
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ReportOptions;

    fn text(print: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn asked(json: bool) -> RulesList {
        RulesList { report: ReportOptions { json, output: None }, config: None }
    }

    #[test]
    fn the_list_has_a_line_for_each_rule_and_says_which_are_off() {
        let mut settings = RuleSettings::default();
        settings.read(&"[rules.TG003]\nenabled = false".parse().unwrap()).unwrap();
        let lines = text(|out| list(&asked(false), &settings, out));
        assert_eq!(lines.lines().count(), all_rules().count());
        for (line, rule) in lines.lines().zip(all_rules()) {
            assert!(line.starts_with(rule.id) && line.contains(rule.name), "{line}");
            assert_eq!(line.contains("  off  "), rule.id == "TG003", "{line}");
            assert!(line.len() < 120, "{line}");
        }
    }

    #[test]
    fn the_list_as_json_has_everything() {
        let list: serde_json::Value =
            serde_json::from_str(&text(|out| list(&asked(true), &RuleSettings::default(), out))).unwrap();
        let first = &list[0];
        assert_eq!((first["id"].as_str(), first["enabled"].as_bool()), (Some("TG001"), Some(true)));
        assert_eq!(first["variants"][0]["severity"]["ci"], "high");
        assert_eq!(list[6]["settings"][0]["name"], "nofile");
        assert_eq!(list[6]["settings"][0]["default"], "65536");
        for rule in list.as_array().unwrap() {
            assert!(
                rule["summary"].is_string() && rule["remedy"].is_string() && rule["reference"].is_string()
            );
        }
    }

    #[test]
    fn every_rule_is_explained_with_all_its_cases_and_settings() {
        for rule in all_rules() {
            let page = text(|out| explain(&RulesExplain { report: ReportOptions::default(), rule }, out));
            for word in rule.variants.iter().map(|v| v.name).chain(keys(rule).map(|key| key.name)) {
                assert!(page.contains(word), "{} {word}", rule.id);
            }
            assert!(page.contains(rule.reference) && page.contains("Remedy: "), "{page}");
            assert!(page.lines().all(|line| line.chars().count() <= 110), "{page}");
            let json = text(|out| {
                explain(&RulesExplain { report: ReportOptions { json: true, output: None }, rule }, out)
            });
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["id"], rule.id);
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        let long = "word ".repeat(60);
        let lines = wrapped(&long, "  ");
        assert!(lines.lines().all(|line| line.len() <= COLUMNS) && lines.lines().count() > 3);
        assert!(lines.lines().skip(1).all(|line| line.starts_with("  word")));
        assert_eq!(wrapped("one two", ""), "one two");
    }
}
