//! Versions as go-semver reads them: less strictly than the standard.

use std::cmp::Ordering;

use regorus::Value;

use super::{Outcome, arg, text};

struct Version<'a> {
    numbers: [i64; 3],
    pre_release: &'a str,
}

fn version(value: &str) -> Option<Version<'_>> {
    let value = value.strip_prefix('v').unwrap_or(value);
    let (value, _) = value.split_once('+').unwrap_or((value, ""));
    let (numbers, pre_release) = value.split_once('-').unwrap_or((value, ""));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let parts: Vec<i64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let numbers = <[i64; 3]>::try_from(parts).ok()?;
    pre_release.chars().all(word).then_some(Version { numbers, pre_release })
}

pub(super) fn is_valid(args: &[Value]) -> Outcome {
    Ok(Value::from(arg(args, 0).as_string().is_ok_and(|value| version(value).is_some())))
}

pub(super) fn compare(args: &[Value]) -> Outcome {
    let parsed = |index| -> anyhow::Result<Version<'_>> {
        version(text(args, index)?).ok_or_else(|| anyhow::anyhow!("not a version"))
    };
    let (a, b) = (parsed(0)?, parsed(1)?);
    let order = a.numbers.cmp(&b.numbers).then_with(|| pre_releases(a.pre_release, b.pre_release));
    Ok(Value::from(order as i64))
}

/// Compares pre-releases; a version without one is the later.
fn pre_releases(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<i64>(), b.parse::<i64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
