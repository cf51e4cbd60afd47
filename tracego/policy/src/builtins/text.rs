//! Functions of texts, by characters as Go has them.

use regorus::Value;

use super::{Outcome, arg, integer, limit, text};

pub(super) fn count(args: &[Value]) -> Outcome {
    Ok(Value::from(match arg(args, 0) {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Set(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => anyhow::bail!("operand 1 must be a collection"),
    }))
}

pub(super) fn upper(args: &[Value]) -> Outcome {
    Ok(Value::from(text(args, 0)?.chars().map(upper_of).collect::<String>()))
}

pub(super) fn lower(args: &[Value]) -> Outcome {
    Ok(Value::from(text(args, 0)?.chars().map(lower_of).collect::<String>()))
}

/// Returns the one upper-case letter of a letter (UnicodeData.txt), not the letters that Unicode's special
/// casing replaces it with.
fn upper_of(c: char) -> char {
    // Greek letters with iota have one upper-case letter, which is their title case.
    let simple = match c as u32 {
        code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => code + 8,
        code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => code + 9,
        _ => {
            let mut all = c.to_uppercase();
            return match (all.next(), all.next()) {
                (Some(one), None) => one,
                _ => c,
            };
        }
    };
    char::from_u32(simple).unwrap_or(c)
}

fn lower_of(c: char) -> char {
    // Special casing has one letter of several parts: İ.
    c.to_lowercase().next().unwrap_or(c)
}

pub(super) fn index_of(args: &[Value]) -> Outcome {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    anyhow::ensure!(!part.is_empty(), "empty search character");
    let at = whole.find(part).map(|at| whole[..at].chars().count());
    Ok(at.map_or_else(|| Value::from(-1_i64), Value::from))
}

pub(super) fn index_of_n(args: &[Value]) -> Outcome {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    anyhow::ensure!(!part.is_empty(), "empty search character");
    let places = whole.char_indices().enumerate();
    let found = places.filter(|(_, (at, _))| whole[*at..].starts_with(part));
    Ok(Value::from(found.map(|(index, _)| Value::from(index)).collect::<Vec<_>>()))
}

pub(super) fn count_parts(args: &[Value]) -> Outcome {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    if part.is_empty() {
        return Ok(Value::from(whole.chars().count() + 1));
    }
    Ok(Value::from(whole.matches(part).count()))
}

/// Replaces parts of a text in one pass: what is put in is not looked at again. Of the parts that begin at one
/// place, the first in order is replaced.
pub(super) fn replace_parts(args: &[Value]) -> Outcome {
    let mut rest = text(args, 1)?;
    let mut pairs = Vec::new();
    for (old, new) in arg(args, 0).as_object()?.iter_sorted() {
        let (old, new) = (old.as_string()?, new.as_string()?);
        // An empty part is at every place, and goes by other rules.
        if old.is_empty() {
            return Err(limit(usize::MAX));
        }
        pairs.push((old, new));
    }
    let mut out = String::with_capacity(rest.len());
    while let Some(c) = rest.chars().next() {
        match pairs.iter().find(|(old, _)| rest.starts_with(&***old)) {
            Some((old, new)) => {
                out.push_str(new);
                rest = &rest[old.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if out.len() > super::BYTES {
            return Err(limit(out.len()));
        }
    }
    Ok(Value::from(out))
}

pub(super) fn substring(args: &[Value]) -> Outcome {
    let (whole, start, len) = (text(args, 0)?, integer(args, 1)?, integer(args, 2)?);
    let start = usize::try_from(start).map_err(|_| anyhow::anyhow!("negative offset"))?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    Ok(Value::from(whole.chars().skip(start).take(len).collect::<String>()))
}

/// Escapes the characters that have a meaning in a glob.
pub(super) fn quote_meta(args: &[Value]) -> Outcome {
    let pattern = text(args, 0)?;
    let mut quoted = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if "*?\\[]{}".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    Ok(Value::from(quoted))
}

/// Writes nothing: there is nobody who reads the trace of a decision.
pub(super) fn trace(args: &[Value]) -> Outcome {
    text(args, 0).map(|_| Value::from(true))
}
