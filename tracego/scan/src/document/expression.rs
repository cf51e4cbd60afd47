//! Expressions of templates in scripts, such as `{{.NAME}}` of Taskfiles and `{{name}}` of justfiles.

use crate::text::Text;

/// Replaces what stands between `{{` and `}}`. An expression without a value becomes a variable of the shell, which is
/// not known there.
pub(super) fn replace(text: &Text, value: impl Fn(&str) -> Option<Text>) -> Text {
    let mut result = Text::default();
    let mut position = 0;
    while let Some(byte) = text.get(position) {
        let rest = text.bytes().get(position..).unwrap_or_default();
        if !rest.starts_with(b"{{") {
            result.push(byte, text.place(position));
            position += 1;
            continue;
        }
        let end = memchr::memmem::find(rest, b"}}").unwrap_or(rest.len());
        let inner = String::from_utf8_lossy(rest.get(2..end).unwrap_or_default()).trim().to_owned();
        let place = text.place(position);
        match value(&inner) {
            Some(value) => result.append(&value, Some(place)),
            None => result.append(&Text::at(place, &format!("${{{}}}", identifier(&inner))), None),
        };
        position += end + 2;
    }
    result
}

/// Returns the last name of an expression, for a person to read.
fn identifier(expression: &str) -> String {
    let name = expression.rsplit(['.', ' ', '|']).find(|part| !part.is_empty()).unwrap_or_default();
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) { "EXPRESSION".into() } else { name }
}
