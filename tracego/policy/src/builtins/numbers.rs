//! Functions of numbers.

use regorus::Value;

use super::{Outcome, arg, integer, limit};

/// Maximum number of bits that a number is shifted by.
const SHIFT: u64 = 4096;

pub(super) fn shift_left(args: &[Value]) -> Outcome {
    let (number, by) = (arg(args, 0).as_number()?, shift(args)?);
    if by > SHIFT {
        return Err(limit(usize::try_from(by).unwrap_or(usize::MAX)));
    }
    anyhow::ensure!(number.is_integer(), "operand 1 must be an integer");
    let shifted = number.as_i128().and_then(|number| {
        let by = u32::try_from(by).ok().filter(|by| *by < 127)?;
        number.checked_mul(1_i128.checked_shl(by)?).filter(|shifted| shifted.unsigned_abs() >> 126 == 0)
    });
    // Larger numbers would be cut to 64 bits of precision on the way.
    shifted.map(Value::from).ok_or_else(|| limit(usize::MAX))
}

pub(super) fn shift_right(args: &[Value]) -> Outcome {
    let (number, by) = (arg(args, 0).as_number()?, shift(args)?);
    anyhow::ensure!(number.is_integer(), "operand 1 must be an integer");
    let number = number.as_i128().ok_or_else(|| limit(usize::MAX))?;
    Ok(Value::from(number >> by.min(127)))
}

fn shift(args: &[Value]) -> anyhow::Result<u64> {
    u64::try_from(integer(args, 1)?).map_err(|_| anyhow::anyhow!("operand 2 must not be negative"))
}

pub(super) fn format_int(args: &[Value]) -> Outcome {
    let (number, base) = (arg(args, 0).as_number()?, integer(args, 1)?);
    let whole = if number.is_integer() {
        number.as_i128()
    } else {
        number.as_f64().filter(|number| number.abs() < 1e15).map(|number| number.trunc() as i128)
    };
    let whole = whole.ok_or_else(|| limit(usize::MAX))?;
    let digits = whole.unsigned_abs();
    let digits = match base {
        2 => format!("{digits:b}"),
        8 => format!("{digits:o}"),
        10 => digits.to_string(),
        16 => format!("{digits:x}"),
        _ => anyhow::bail!("operand 2 must be one of {{2, 8, 10, 16}}"),
    };
    Ok(Value::from(if whole < 0 { format!("-{digits}") } else { digits }))
}
