//! Regular expressions: RE2 as Go has it.

pub(super) mod classes;
pub(crate) mod pattern;

use std::{
    num::NonZeroUsize,
    sync::{LazyLock, Mutex, PoisonError},
};

use lru::LruCache;
use regex::{Captures, Regex, RegexBuilder};
use regorus::{LimitError, Value};

use self::pattern::{Pattern, Refusal};
use super::{BYTES, Outcome, arg, integer, limit, text};

/// Maximum size of a compiled expression in bytes.
const SIZE: usize = 4 << 20;
/// Number of compiled expressions that are kept.
const KEPT: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(kept) => kept,
    None => NonZeroUsize::MIN,
};

/// A compiled expression and the names of its groups.
#[derive(Clone)]
struct Compiled {
    regex: Regex,
    names: Vec<Option<String>>,
    is_empty: bool,
}

static COMPILED: LazyLock<Mutex<LruCache<String, Compiled>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(KEPT)));

/// Compiles an expression.
///
/// # Errors
/// Fails with a [`LimitError`] if it is too large, and with another error if RE2 refuses it.
fn compiled(pattern: &str) -> anyhow::Result<Compiled> {
    let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept().get(pattern) {
        return Ok(known.clone());
    }
    // What this engine cannot have must not look like an expression that never matches.
    let unknown = || LimitError::RegexSizeLimitExceeded { limit: SIZE };
    let Pattern { translated, names } = Pattern::parse(pattern).map_err(|refusal| match refusal {
        Refusal::Invalid(what) => anyhow::anyhow!("{what}"),
        Refusal::Unknown(_) => unknown().into(),
    })?;
    let mut builder = RegexBuilder::new(&translated);
    let regex = builder.size_limit(SIZE).dfa_size_limit(SIZE).nest_limit(1000).build();
    let regex = regex.map_err(|_| unknown())?;
    let compiled = Compiled { regex, names, is_empty: pattern.is_empty() };
    kept().put(pattern.to_owned(), compiled.clone());
    Ok(compiled)
}

/// Returns the number of matches that are asked for.
fn number(args: &[Value]) -> anyhow::Result<usize> {
    Ok(usize::try_from(integer(args, 2)?).unwrap_or(usize::MAX))
}

pub(super) fn is_valid(args: &[Value]) -> Outcome {
    let Ok(pattern) = arg(args, 0).as_string() else { return Ok(Value::from(false)) };
    match compiled(pattern) {
        Err(error) if error.downcast_ref::<LimitError>().is_some() => Err(error),
        compiled => Ok(Value::from(compiled.is_ok())),
    }
}

pub(super) fn is_match(args: &[Value]) -> Outcome {
    let (pattern, whole) = (text(args, 0)?, text(args, 1)?);
    Ok(Value::from(compiled(pattern)?.regex.is_match(whole)))
}

pub(super) fn find(args: &[Value]) -> Outcome {
    let (pattern, whole, most) = (text(args, 0)?, text(args, 1)?, number(args)?);
    let compiled = compiled(pattern)?;
    let found = compiled.regex.find_iter(whole).take(most).map(|found| Value::from(found.as_str()));
    Ok(Value::from(found.collect::<Vec<_>>()))
}

pub(super) fn find_submatches(args: &[Value]) -> Outcome {
    let (pattern, whole, most) = (text(args, 0)?, text(args, 1)?, number(args)?);
    let compiled = compiled(pattern)?;
    let groups = |found: Captures<'_>| {
        let texts = found.iter().map(|group| Value::from(group.map_or("", |group| group.as_str())));
        Value::from(texts.collect::<Vec<_>>())
    };
    Ok(Value::from(compiled.regex.captures_iter(whole).take(most).map(groups).collect::<Vec<_>>()))
}

pub(super) fn split(args: &[Value]) -> Outcome {
    let (pattern, whole) = (text(args, 0)?, text(args, 1)?);
    let compiled = compiled(pattern)?;
    if !compiled.is_empty && whole.is_empty() {
        return Ok(Value::from(vec![Value::from("")]));
    }
    let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
    for found in compiled.regex.find_iter(whole) {
        end = found.start();
        // An empty match at the start parts nothing.
        if found.end() != 0 {
            parts.push(Value::from(whole.get(begin..end).unwrap_or_default()));
        }
        begin = found.end();
    }
    if end != whole.len() {
        parts.push(Value::from(whole.get(begin..).unwrap_or_default()));
    }
    Ok(Value::from(parts))
}

pub(super) fn replace(args: &[Value]) -> Outcome {
    let (whole, pattern, template) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let compiled = compiled(pattern)?;
    let (mut out, mut begin) = (String::new(), 0);
    for found in compiled.regex.captures_iter(whole) {
        let Some(all) = found.get(0) else { continue };
        out.push_str(whole.get(begin..all.start()).unwrap_or_default());
        expand(template, &found, &compiled.names, &mut out);
        begin = all.end();
        if out.len() > BYTES {
            return Err(limit(out.len()));
        }
    }
    out.push_str(whole.get(begin..).unwrap_or_default());
    Ok(Value::from(out))
}

/// Appends a template with the groups that it names: `$1`, `${1}`, `$name`, `${name}`, and `$$` for `$`.
fn expand(template: &str, found: &Captures<'_>, names: &[Option<String>], out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = group_name(rest) else {
            out.push('$');
            continue;
        };
        rest = after;
        let digits = name.bytes().all(|byte| byte.is_ascii_digit()) && name.len() < 9;
        let index = if digits && (name == "0" || !name.starts_with('0')) {
            name.parse().ok()
        } else {
            let named = |index: &usize| names.get(*index).is_some_and(|known| known.as_deref() == Some(name));
            (1..names.len()).filter(|index| found.get(*index).is_some()).find(named)
        };
        out.push_str(index.and_then(|index| found.get(index)).map_or("", |group| group.as_str()));
    }
    out.push_str(rest);
}

/// Splits the name of a group from what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let (braces, text) = text.strip_prefix('{').map_or((false, text), |text| (true, text));
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braces { rest.strip_prefix('}').map(|rest| (name, rest)) } else { Some((name, rest)) }
}

/// Matches a text with a template in which the parts between delimiters are expressions.
pub(super) fn template_match(args: &[Value]) -> Outcome {
    let (template, whole) = (text(args, 0)?, text(args, 1)?);
    let delimiter = |index| -> anyhow::Result<u8> {
        match text(args, index)?.as_bytes() {
            [one] => Ok(*one),
            _ => anyhow::bail!("a delimiter has to be exactly one character long"),
        }
    };
    let (open, close) = (delimiter(2)?, delimiter(3)?);
    let mut pattern = String::from("^");
    let (mut level, mut begin) = (0_usize, 0);
    for (at, byte) in template.bytes().enumerate() {
        let before = || template.get(begin..at).unwrap_or_default();
        if byte == open {
            level += 1;
            if level == 1 {
                pattern += &pattern::quoted(before());
                begin = at + 1;
            }
        } else if byte == close {
            level = level.checked_sub(1).ok_or_else(|| anyhow::anyhow!("unbalanced braces"))?;
            if level == 0 {
                compiled(&format!("^{}$", before()))?;
                pattern += &format!("({})", before());
                begin = at + 1;
            }
        }
    }
    anyhow::ensure!(level == 0, "unbalanced braces");
    pattern += &pattern::quoted(template.get(begin..).unwrap_or_default());
    Ok(Value::from(compiled(&(pattern + "$"))?.regex.is_match(whole)))
}
