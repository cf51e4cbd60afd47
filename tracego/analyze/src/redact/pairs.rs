//! Pairs of a name and a value: `{"name":"DB_PASSWORD","value":"x"}`,
//! `ParameterKey=Password,ParameterValue=x`.

use std::ops::Range;

use super::{
    assignments::is_name,
    names::{NAME_MAX, NameTable},
    values,
    work::Work,
};

/// Whether the sign at a position may stand between the key of a name and the name.
#[inline]
pub(super) fn begins(text: &[u8], sign: usize) -> bool {
    matches!(
        text[..sign],
        [.., b'n' | b'N', b'a', b'm', b'e', b'"']
            | [.., b'n' | b'N', b'a', b'm', b'e', b'\\', b'"']
            | [.., b']', b'.', b'n', b'a', b'm', b'e']
            | [.., b'-', b' ', b'n', b'a', b'm', b'e']
            | [.., b'r', b'K', b'e', b'y']
            | [.., b'r', b'K', b'e', b'y', b'"']
    )
}

/// Returns the value that belongs to the name behind a sign, if the name is one of a secret.
pub(super) fn secret(text: &str, sign: usize, names: &NameTable, work: &Work) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    work.spend(16);
    let is_space = |byte: &u8| b" \t\n\"'\\".contains(byte);
    let skip = |from: usize, is_skipped: &dyn Fn(&u8) -> bool| {
        from + bytes[from..].iter().take(NAME_MAX).take_while(|byte| is_skipped(byte)).count()
    };
    let start = skip(sign + 1, &is_space);
    let end = skip(start, &|byte| is_name(*byte));
    names.find(&bytes[start..end]).filter(|rule| rule.form.is_some())?;
    work.spend(20);
    // What stands between the name and its value: `","value":"` or `,env[0].value=`.
    let key = skip(end, &|byte| is_space(byte) || b",;".contains(byte));
    let key_end = skip(key, &|byte| is_name(*byte) || b"[]".contains(byte));
    let is_value = bytes[key..key_end].to_ascii_lowercase().ends_with(b"value");
    let sign = skip(key_end, &is_space);
    if !is_value || key == end || !matches!(bytes.get(sign), Some(b':' | b'=')) {
        return None;
    }
    let value = skip(sign + 1, &is_space);
    let quote = bytes[..value].last().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let is_end = |byte: &u8| match quote {
        Some(quote) => *byte == quote || *byte == b'\\',
        None => b", \n}]\"'".contains(byte),
    };
    let length = bytes[value..].iter().position(is_end).unwrap_or(bytes.len() - value);
    work.spend(length / 8);
    (!values::is_harmless(&text[value..value + length])).then_some(value..value + length)
}
