//! References to variables and expressions in the scripts of CI files.

use crate::{document::CiFile, text::Text};

/// Returns the names that stand behind `$`, `${` and `$(`.
pub(super) fn references(script: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for dollar in memchr::memchr_iter(b'$', script) {
        let rest = script.get(dollar + 1..).unwrap_or_default();
        let rest = rest.strip_prefix(b"{").or_else(|| rest.strip_prefix(b"(")).unwrap_or(rest);
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if length > 0 {
            found.push(String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned());
        }
    }
    found
}

/// Returns the first expression from a position on, and where it begins and ends: `${{ … }}`, `<< … >>` of CircleCI and
/// `$[[ … ]]` of GitLab.
pub(super) fn expression(text: &Text, from: usize, ci: Option<CiFile>) -> Option<(usize, usize, Text)> {
    let (open, close): (&[u8], &[u8]) = match ci {
        Some(CiFile::Circle) => (b"<<", b">>"),
        Some(CiFile::Gitlab) => (b"$[[", b"]]"),
        _ => (b"${{", b"}}"),
    };
    let rest = text.bytes().get(from..)?;
    let start = memchr::memmem::find(rest, open)?;
    let inner = start + open.len();
    let length = memchr::memmem::find(rest.get(inner..)?, close)?;
    let expression = text.slice(from + inner..from + inner + length);
    Some((from + start, from + inner + length + close.len(), expression))
}

/// Returns a script with `$(NAME)`, which Azure replaces before the shell sees it, as a variable of the shell.
pub(super) fn with_braces(text: &Text, is_known: impl Fn(&str) -> bool) -> Text {
    let mut plain = Text::default();
    let mut close = None;
    for (position, byte) in text.bytes().iter().enumerate() {
        let rest = text.bytes().get(position..).unwrap_or_default();
        if let Some(inner) = rest.strip_prefix(b"$(") {
            let length =
                inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            let name = String::from_utf8_lossy(inner.get(..length).unwrap_or_default());
            if inner.get(length) == Some(&b')') && is_known(&name) {
                close = Some(position + 2 + length);
            }
        }
        let is_open = *byte == b'(' && close.is_some_and(|close| position < close);
        let byte = match () {
            () if is_open => b'{',
            () if close == Some(position) => b'}',
            () => *byte,
        };
        plain.push(byte, text.place(position));
    }
    plain
}
