//! Functions of times and durations, read as Go reads them.

use regorus::Value;

use super::{Outcome, text};

const SECOND: i128 = 1_000_000_000;

/// Units of durations, in nanoseconds; the last three are OPA's.
const UNITS: [(&str, i128); 11] = [
    ("ns", 1),
    ("us", 1000),
    ("µs", 1000),
    ("μs", 1000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
    ("d", 24 * 3600 * SECOND),
    ("w", 7 * 24 * 3600 * SECOND),
    ("y", 365 * 24 * 3600 * SECOND),
];

/// Returns the nanoseconds of a duration such as `1h30m`.
pub(super) fn parse_duration(args: &[Value]) -> Outcome {
    let whole = text(args, 0)?;
    duration(whole).map(Value::from).ok_or_else(|| anyhow::anyhow!("invalid duration"))
}

fn duration(whole: &str) -> Option<i64> {
    let (negative, mut rest) = match whole.as_bytes().first()? {
        b'-' => (true, &whole[1..]),
        b'+' => (false, &whole[1..]),
        _ => (false, whole),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (before, fraction) = number.split_once('.').unwrap_or((number, ""));
        if before.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 40 {
            return None;
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let before: i128 = if before.is_empty() { 0 } else { before.parse().ok()? };
        // More digits are less than a nanosecond.
        let fraction = fraction.get(..18).unwrap_or(fraction);
        let digits = u32::try_from(fraction.len()).ok()?;
        let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let part = before.checked_mul(*size)?.checked_add(fraction * size / 10_i128.pow(digits))?;
        sum = sum.checked_add(part)?;
        rest = after;
    }
    i64::try_from(if negative { -sum } else { sum }).ok()
}

/// Returns the nanoseconds since 1970 of a time in RFC 3339.
pub(super) fn parse_rfc3339(args: &[Value]) -> Outcome {
    let whole = text(args, 0)?;
    let nanoseconds = rfc3339(whole).ok_or_else(|| anyhow::anyhow!("not a time in RFC 3339"))?;
    Ok(Value::from(nanoseconds))
}

fn rfc3339(whole: &str) -> Option<i64> {
    let number = |at: std::ops::Range<usize>| -> Option<i64> {
        let digits = whole.get(at)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let bytes = whole.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = whole.get(19..)?;
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(['.', ',']) {
        let end = after.find(|c: char| !c.is_ascii_digit())?;
        let digits = after.get(..end.min(9)).filter(|digits| !digits.is_empty())?;
        fraction = digits.parse::<i64>().ok()? * 10_i64.pow(9 - u32::try_from(digits.len()).ok()?);
        rest = after.get(end..)?;
    }
    let offset = match rest.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let at = whole.len() - 6;
            let (hours, minutes) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
            if hours > 24 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    // Days since 1970 in the Gregorian calendar, by years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let days =
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    i64::try_from(i128::from(seconds) * SECOND + i128::from(fraction)).ok()
}
