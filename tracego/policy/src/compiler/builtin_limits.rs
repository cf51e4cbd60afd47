//! Limits for the results of single calls. The virtual machine checks the clock between instructions, and a
//! call is one instruction, whatever it does.
//!
//! A result that is too large is an error of the evaluation, not undefined: otherwise a rule would not fire,
//! and would let something pass.

use regorus::{
    LimitError, Value,
    unstable::{BuiltinFcn, Expr, Ref, Span},
};

use crate::builtins;

/// Maximum number of elements in an array, set or object that a call returns.
const ITEMS: usize = 1 << 16;
/// Maximum size in bytes of a text that a call returns.
const BYTES: usize = 1 << 20;
/// Maximum number of parts of a value that a call traverses completely.
const PARTS: usize = 1 << 17;
/// Maximum number of digits after the point, or of columns.
const WIDTH: u64 = 1024;

type Outcome<T> = anyhow::Result<T>;

fn too_large(usage: usize, limit: usize) -> anyhow::Error {
    LimitError::MemoryLimitExceeded { usage: usage as u64, limit: limit as u64 }.into()
}

fn at_most(usage: usize, limit: usize) -> Outcome<()> {
    if usage > limit { Err(too_large(usage, limit)) } else { Ok(()) }
}

fn text(args: &[Value], index: usize) -> &str {
    args.get(index).and_then(|value| value.as_string().ok()).map_or("", |text| text)
}

fn number(args: &[Value], index: usize) -> Option<f64> {
    args.get(index).and_then(|value| value.as_f64().ok())
}

fn any(_: &[Value]) -> Outcome<()> {
    Ok(())
}

/// Limits the number of parts in nested values. Shared parts count each time, as a traversal visits them each
/// time.
fn deep(args: &[Value]) -> Outcome<()> {
    let mut left = PARTS;
    let mut bytes = BYTES;
    args.iter().try_for_each(|value| weigh(value, &mut left, &mut bytes, 0))
}

/// Whether a value is too large, or nested too deep, to be traversed completely.
pub(crate) fn is_large(value: &Value) -> bool {
    deep(std::slice::from_ref(value)).is_err()
}

fn weigh(value: &Value, left: &mut usize, bytes: &mut usize, depth: usize) -> Outcome<()> {
    *left = left.checked_sub(1).ok_or_else(|| too_large(PARTS + 1, PARTS))?;
    if depth > 512 {
        return Err(too_large(depth, 512));
    }
    match value {
        Value::String(text) => {
            *bytes = bytes.checked_sub(text.len()).ok_or_else(|| too_large(BYTES + 1, BYTES))?;
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| weigh(item, left, bytes, depth + 1)),
        Value::Set(items) => items.iter().try_for_each(|item| weigh(item, left, bytes, depth + 1)),
        Value::Object(members) => members.iter().try_for_each(|(key, value)| {
            weigh(key, left, bytes, depth + 1)?;
            weigh(value, left, bytes, depth + 1)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => Ok(()),
    }
}

fn range(args: &[Value]) -> Outcome<()> {
    let (Some(from), Some(to)) = (number(args, 0), number(args, 1)) else { return Ok(()) };
    let step = number(args, 2).unwrap_or(1.0);
    // The message is OPA's; the result is undefined there, too.
    anyhow::ensure!(step >= 1.0, "step must be a positive number above zero");
    let items = (to - from).abs() / step;
    if items < ITEMS as f64 { Ok(()) } else { Err(too_large(ITEMS + 1, ITEMS)) }
}

fn format(args: &[Value]) -> Outcome<()> {
    deep(args)?;
    let mut run = 0_u64;
    for byte in text(args, 0).chars() {
        run = byte.to_digit(10).map_or(0, |digit| run.saturating_mul(10).saturating_add(digit.into()));
        at_most(run as usize, WIDTH as usize)?;
    }
    Ok(())
}

/// Returns the size in bytes after each `old` is replaced by `new`; an upper bound if that is small enough.
fn replaced(len: usize, text: &str, old: &str, new: &str) -> usize {
    let most = (len / old.len().max(1) + 1).saturating_mul(new.len());
    if len.saturating_add(most) <= BYTES {
        return len.saturating_add(most);
    }
    len.saturating_add(text.matches(old).count().saturating_mul(new.len()))
}

/// Limits globs to what the engine and OPA read in the same way.
fn glob(args: &[Value]) -> Outcome<()> {
    let (pattern, delimiters) = (text(args, 0), args.get(1));
    let mut depth = 0_u32;
    let mut chars = pattern.chars().peekable();
    let unknown = || too_large(pattern.len(), 0);
    // OPA lets a single `?` or `[!a]` match nothing, but not behind other parts.
    if text(args, 2).is_empty() && (pattern.contains('?') || pattern.contains("[!")) {
        return Err(unknown());
    }
    if let Some(Value::Array(items)) = delimiters {
        let is_delimiter = |c: char| {
            // The dot is the delimiter where none is given.
            let is_default = items.is_empty() && c == '.';
            is_default || items.iter().any(|one| one.as_string().is_ok_and(|one| one.contains(c)))
        };
        if !has_whole_parts(pattern, is_delimiter) {
            return Err(unknown());
        }
    }
    while let Some(c) = chars.next() {
        match c {
            '\\' => _ = chars.next().ok_or_else(unknown)?,
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or_else(unknown)?,
            '[' => {
                let set: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let members = set.strip_prefix('!').unwrap_or(&set);
                let range = members.chars().nth(1) == Some('-') && members.chars().count() == 3;
                let list = !members.is_empty() && members.chars().all(char::is_alphanumeric);
                if !range && !list {
                    return Err(unknown());
                }
            }
            ']' => return Err(unknown()),
            // More than two are another pattern in each.
            '*' if chars.next_if_eq(&'*').is_some() && chars.peek() == Some(&'*') => return Err(unknown()),
            _ => {}
        }
        if depth > 1 {
            return Err(unknown());
        }
    }
    let plain = |delimiter: &Value| {
        delimiter.as_string().is_ok_and(|text| {
            matches!(text.as_bytes(), [b'.' | b'/' | b':' | b'-' | b'_' | b',' | b' ' | b'@' | b'='])
        })
    };
    match delimiters {
        Some(Value::Array(items)) if items.iter().all(plain) && depth == 0 => Ok(()),
        Some(Value::Null) if depth == 0 => Ok(()),
        Some(Value::Array(_) | Value::Null) => Err(unknown()),
        _ => anyhow::bail!("operand 2 must be an array or null"),
    }
}

/// Whether each `**` of a glob is all that is between two delimiters: elsewhere it stops at a delimiter in the engine,
/// and not in OPA.
fn has_whole_parts(pattern: &str, is_delimiter: impl Fn(char) -> bool + Copy) -> bool {
    pattern.match_indices("**").all(|(at, stars)| {
        let before = pattern[..at].chars().next_back();
        let behind = pattern[at + stars.len()..].chars().next();
        before.is_none_or(is_delimiter) && behind.is_none_or(is_delimiter)
    })
}

/// Refuses values of which one cannot be a part of the other.
fn subset(args: &[Value]) -> Outcome<()> {
    deep(args)?;
    anyhow::ensure!(
        matches!(
            (args.first(), args.get(1)),
            (Some(Value::Object(_)), Some(Value::Object(_)))
                | (Some(Value::Set(_)), Some(Value::Set(_)))
                | (Some(Value::Array(_)), Some(Value::Array(_) | Value::Set(_)))
        ),
        "both arguments must be of one kind"
    );
    Ok(())
}

fn replace(args: &[Value]) -> Outcome<()> {
    let (whole, old, new) = (text(args, 0), text(args, 1), text(args, 2));
    at_most(replaced(whole.len(), whole, old, new), BYTES)
}

fn replace_pattern(args: &[Value]) -> Outcome<()> {
    let (whole, new) = (text(args, 0).len(), text(args, 2));
    // Each `$` may expand to the whole text.
    let groups = new.bytes().filter(|byte| *byte == b'$').count();
    let each = groups.saturating_mul(whole).saturating_add(new.len());
    at_most(each.saturating_mul(whole + 1).saturating_add(whole), BYTES << 5)
}

fn concat(args: &[Value]) -> Outcome<()> {
    let len = |value: &Value| value.as_string().map_or(0, |text| text.len());
    let (count, bytes): (usize, usize) = match args.get(1) {
        Some(Value::Array(items)) => (items.len(), items.iter().map(len).sum()),
        Some(Value::Set(items)) => (items.len(), items.iter().map(len).sum()),
        _ => return Ok(()),
    };
    at_most(bytes.saturating_add(count.saturating_mul(text(args, 0).len())), BYTES)
}

fn made(value: Value) -> Outcome<Value> {
    match &value {
        Value::String(text) => at_most(text.len(), BYTES)?,
        Value::Array(items) => at_most(items.len(), ITEMS)?,
        Value::Set(items) => at_most(items.len(), ITEMS)?,
        Value::Object(members) => at_most(members.len(), ITEMS)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => {}
    }
    Ok(value)
}

macro_rules! guards {
    ($($name:literal $check:ident,)*) => {
        /// Returns the function with its limits.
        pub(super) fn guarded(name: &str) -> Option<BuiltinFcn> {
            let (unlimited, arity) = builtins::function(name)?;
            match name {
                $($name => {
                    fn call(
                        span: &Span,
                        parameters: &[Ref<Expr>],
                        args: &[Value],
                        strict: bool,
                    ) -> Outcome<Value> {
                        $check(args)?;
                        let (function, _) = builtins::function($name).ok_or_else(|| anyhow::anyhow!($name))?;
                        made(function(span, parameters, args, strict)?)
                    }
                    Some((call, arity))
                })*
                _ => Some((unlimited, arity)),
            }
        }

        /// Names of all functions with limits.
        #[cfg(test)]
        pub(super) const GUARDED: &[&str] = &[$($name),*];
    };
}

guards! {
    "__builtin_sets.union" any,
    "array.concat" any,
    "base64.encode" any,
    "base64url.encode" any,
    "base64url.encode_no_pad" any,
    "concat" concat,
    "glob.match" glob,
    "graph.reachable" deep,
    "hex.encode" any,
    "indexof_n" any,
    "json.filter" deep,
    "json.marshal" deep,
    "json.marshal_with_options" deep,
    "json.remove" deep,
    "json.unmarshal" any,
    "numbers.range" range,
    "numbers.range_step" range,
    "object.filter" any,
    "object.subset" subset,
    "object.union" deep,
    "object.union_n" deep,
    "regex.find_n" any,
    "regex.replace" replace_pattern,
    "regex.split" any,
    "replace" replace,
    "split" any,
    "sprintf" format,
    "union" any,
    "walk" deep,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_function_of_the_engine() {
        for name in GUARDED {
            assert!(guarded(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_shared_counts_each_time() {
        let mut value = Value::from(vec![Value::from("x")]);
        for _ in 0..30 {
            value = Value::from(vec![value.clone(), value]);
        }
        assert!(deep(&[value]).is_err());
        assert!(deep(&[Value::from("x".repeat(BYTES + 1))]).is_err());
        assert!(deep(&[Value::from("x".repeat(BYTES))]).is_ok());
    }
}
