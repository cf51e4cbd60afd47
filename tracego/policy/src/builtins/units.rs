//! Quantities with units, `10K` and `4GiB`.

use regorus::Value;

use super::{Outcome, limit, text};

const DECIMAL: [&str; 6] = ["k", "m", "g", "t", "p", "e"];

/// Splits a quantity into number and unit.
fn split(whole: &str) -> anyhow::Result<(f64, String)> {
    let whole = whole.replace('"', "");
    anyhow::ensure!(!whole.contains(' '), "spaces not allowed");
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = whole.find(|c: char| !is_number(c) && c != '-' && c != '+').unwrap_or(whole.len());
    let (mut number, mut unit) = whole.split_at(end);
    // An exponent belongs to the number.
    if let Some(after) = unit.strip_prefix(['e', 'E']) {
        let signed = after.strip_prefix(['-', '+']).unwrap_or(after);
        let digits = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
        if digits > 0 {
            (number, unit) = whole.split_at(end + 1 + (after.len() - signed.len()) + digits);
        }
    }
    anyhow::ensure!(!number.is_empty(), "no amount provided");
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    anyhow::ensure!(digits.starts_with(is_number), "could not parse the amount");
    Ok((number.parse()?, unit.to_owned()))
}

/// Returns a number as exactly as the engine can have it.
fn number(value: f64) -> Outcome {
    if value.fract() != 0.0 {
        return Ok(Value::from(value));
    }
    // Larger numbers would not have OPA's digits.
    if value.abs() >= 9e15 {
        let whole = value as i128;
        return if value.abs() < 1e18 { Ok(Value::from(whole)) } else { Err(limit(usize::MAX)) };
    }
    Ok(Value::from(value as i64))
}

/// Returns the amount of a quantity; `m` is a thousandth and `M` a million.
pub(super) fn parse(args: &[Value]) -> Outcome {
    let (amount, unit) = split(text(args, 0)?)?;
    let small = unit.to_lowercase();
    let size = match unit.as_str() {
        "" => 1.0,
        "m" => return number(amount / 1000.0),
        _ => match (small.strip_suffix('i'), DECIMAL.iter().position(|name| *name == small)) {
            (_, Some(power)) => 1000_f64.powi(power as i32 + 1),
            (Some(name), None) => {
                let power = DECIMAL.iter().position(|known| *known == name);
                1024_f64.powi(power.ok_or_else(|| anyhow::anyhow!("unit {unit} not recognized"))? as i32 + 1)
            }
            (None, None) => anyhow::bail!("unit {unit} not recognized"),
        },
    };
    number(amount * size)
}

/// Returns the number of bytes of a quantity, without a fraction.
pub(super) fn parse_bytes(args: &[Value]) -> Outcome {
    let (amount, unit) = split(text(args, 0)?)?;
    let small = unit.to_lowercase();
    let small = small.strip_suffix('b').unwrap_or(&small);
    let power = |name: &str| DECIMAL.iter().position(|known| *known == name).map(|power| power as i32 + 1);
    let size = match (small, small.strip_suffix('i')) {
        ("", _) if unit.is_empty() => 1.0,
        (_, Some(name)) => 1024_f64.powi(power(name).ok_or_else(|| anyhow::anyhow!("unit {unit} unknown"))?),
        (name, None) => 1000_f64.powi(power(name).ok_or_else(|| anyhow::anyhow!("unit {unit} unknown"))?),
    };
    number((amount * size).trunc())
}
