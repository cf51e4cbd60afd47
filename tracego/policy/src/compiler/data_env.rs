//! Support for `data.env.NAME`, a common way to write `input.process.env.NAME`.
//!
//! A reference into `data` can depend on the input only if it refers to a rule. A generated module therefore
//! has a rule for each name that is used.

use std::collections::BTreeSet;

use super::syntax::{NextPart, Reference};

/// A reference to `data.env`.
pub(super) enum DataEnv {
    /// The variable of `data.env.NAME`.
    Name(String),
    /// A reference that names no variable, and why it is refused.
    Refused(&'static str),
}

/// Classifies a reference; returns `None` if it is not to `data.env`.
pub(super) fn classify(reference: &Reference<'_>) -> Option<DataEnv> {
    if reference.root != "data" || reference.path.first().is_none_or(|first| first != "env") {
        return None;
    }
    Some(match (reference.path.get(1), reference.then) {
        (Some(name), _) => DataEnv::Name(name.clone()),
        (None, NextPart::End) => DataEnv::Refused(
            "data.env can only be used with a name, such as data.env.CI; use input.process.env",
        ),
        (None, _) => DataEnv::Refused(
            "data.env can only be used with a name, such as data.env.CI; use input.process.env[x]",
        ),
    })
}

/// Returns the source of the generated module, in version 1 of Rego.
pub(super) fn module(names: &BTreeSet<String>) -> String {
    let mut text = String::from("package env\n");
    for name in names {
        let quoted = serde_json::Value::from(name.as_str());
        if is_name(name) {
            text.push_str(&format!("{name} := input.process.env[{quoted}]\n"));
        }
    }
    text
}

/// Whether a name can be the name of a rule.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && !KEYWORDS.contains(&name)
}

const KEYWORDS: [&str; 17] = [
    "as", "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input", "not",
    "null", "package", "some", "true", "with",
];
