//! From commands, variables and images to cases of the rules.

mod build_flags;
mod go_run;
mod grade;
mod modules;

use std::ops::Range;

use tracego_analyze::rules::{registry, rule::Rule};
use tracego_golang::command::Invocation;
use tracego_model::finding::{Confidence, Severity};

use crate::{
    extract::{BaseImage, Declaration, FoundCommand},
    setting::Setting,
    text::Text,
    tree_modules::TreeModules,
    word::Word,
};

/// Facts of the tree and the options that hold for all files.
#[derive(Clone, Debug, Default)]
pub struct JudgeSettings {
    /// The modules of the tree.
    pub modules: TreeModules,
    /// Whether lines of `go generate`, and of what only developers' machines run, are findings, too.
    pub is_strict: bool,
}

/// A case of a rule in a file.
#[derive(Clone, Debug)]
pub struct ScanCase {
    /// The rule.
    pub rule: &'static Rule,
    /// Name of the rule's variant.
    pub variant: &'static str,
    /// Severity at this place.
    pub severity: Severity,
    /// Confidence.
    pub confidence: Confidence,
    /// Description, in one sentence.
    pub message: String,
    /// Command line or value, in a normal form.
    pub subject: String,
    /// Bytes of the file.
    pub range: Range<usize>,
    /// Place.
    pub setting: Setting,
}

/// A case before its severity and place are known.
struct OpenCase {
    rule: &'static str,
    variant: &'static str,
    confidence: Confidence,
    message: String,
}

/// Judges a command at a place, which callers may have decided.
#[must_use]
pub fn command(command: &FoundCommand, setting: Setting, settings: &JudgeSettings) -> Vec<ScanCase> {
    let words: Vec<String> = command.words.iter().map(Word::value).collect();
    let mut open = Vec::new();
    let Some(first) = command.words.first() else { return Vec::new() };
    if first.is_go_command() {
        let goflags = assigned(command, "GOFLAGS").unwrap_or_default();
        let invocation = Invocation::parse(&words, &goflags);
        open.extend(go_run::case(command, &invocation, setting, &settings.modules));
        // A variable in front of the command is a case of its own.
        modules::of_command(command, &Invocation::parse(&words, ""), &mut open);
        build_flags::of_command(&invocation, setting, &mut open);
    } else if first.base_name() == "upx" {
        open.extend(build_flags::packed(&words));
    }
    let subject = words.join(" ");
    let range = range_of(&command.words);
    finish(open, &subject, &range, setting, settings)
}

/// Judges a variable of the go command.
#[must_use]
pub fn declaration(declared: &Declaration, setting: Setting, settings: &JudgeSettings) -> Vec<ScanCase> {
    let mut open = Vec::new();
    modules::of_declaration(declared, setting, &mut open);
    let subject = format!("{}={}", declared.name, declared.value.value());
    finish(open, &subject, &range_of(std::slice::from_ref(&declared.value)), setting, settings)
}

/// Judges the image of a last stage at a place.
#[must_use]
pub fn image(image: &BaseImage, setting: Setting, settings: &JudgeSettings) -> Vec<ScanCase> {
    let name = image.name.to_str().into_owned();
    let open = build_flags::toolchain_image(&name);
    let range = range_of(&[Word::known(image.name.clone())]);
    finish(open.into_iter().collect(), &name, &range, setting, settings)
}

fn finish(
    open: Vec<OpenCase>,
    subject: &str,
    range: &Range<usize>,
    setting: Setting,
    settings: &JudgeSettings,
) -> Vec<ScanCase> {
    let cases = open.into_iter().filter_map(|case| {
        let rule = registry::find(case.rule)?;
        let variant = rule.variant(case.variant)?;
        let severity = grade::severity(rule, variant, setting, settings.is_strict)?;
        Some(ScanCase {
            rule,
            variant: variant.name,
            severity,
            confidence: case.confidence,
            message: case.message,
            subject: subject.to_owned(),
            range: range.clone(),
            setting,
        })
    });
    cases.collect()
}

/// Returns the value that an assignment in front of a command gives to a variable.
fn assigned(command: &FoundCommand, name: &str) -> Option<String> {
    command.assignments.iter().rev().find(|(assigned, _)| assigned == name).map(|(_, value)| value.value())
}

/// Returns the bytes of the file from the first to the last word that stand on one stretch.
fn range_of(words: &[Word]) -> Range<usize> {
    let place = |text: &Text, at: usize| text.place(at) as usize;
    let Some(first) = words.iter().find(|word| !word.text.is_empty()) else { return 0..0 };
    let start = place(&first.text, 0);
    // Arguments of a function stand elsewhere than its body.
    let ends = words.iter().filter(|word| !word.text.is_empty() && word.is_passed == first.is_passed);
    let end = ends.map(|word| place(&word.text, word.text.len() - 1) + 1).filter(|end| *end > start).max();
    start..end.unwrap_or(start + 1)
}
