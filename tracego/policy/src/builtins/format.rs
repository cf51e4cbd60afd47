//! `sprintf`, as OPA has it from Go's package fmt.
//!
//! Left out are what policies do not use: operands by number (`%[1]d`), widths from operands (`%*d`), and a few
//! flags of single verbs. A call with them fails the evaluation.

use std::fmt::Write as _;

use regorus::Value;

use super::{BYTES, Outcome, arg, limit, text};

/// Maximum width and precision.
const WIDTH: usize = 1024;

/// An operand, as OPA passes it to Go.
enum Operand {
    Int(i64),
    /// An integer of more than 64 bits, in decimal digits.
    Big(String),
    Float(f64),
    Text(String),
}

#[derive(Clone, Copy, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Operand {
    fn of(value: &Value) -> anyhow::Result<Self> {
        Ok(match value {
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Self::Int(number),
                (None, _) if number.is_integer() => Self::Big(shown(value)),
                (None, Some(number)) => Self::Float(number),
                (None, None) => return Err(limit(usize::MAX)),
            },
            Value::String(text) => Self::Text(text.to_string()),
            other => {
                let mut text = String::new();
                rego(other, &mut text)?;
                Self::Text(text)
            }
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Int(_) => "int64",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }
}

pub(super) fn sprintf(args: &[Value]) -> Outcome {
    let (format, operands) = (text(args, 0)?, arg(args, 1).as_array()?);
    let operands: Vec<Operand> = operands.iter().map(Operand::of).collect::<Result<_, _>>()?;
    let (mut out, mut next) = (String::new(), operands.iter());
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if out.len() > BYTES {
            return Err(limit(out.len()));
        }
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = Flags::default();
        while let Some(c) = chars.next_if(|c| "+-# 0".contains(*c)) {
            match c {
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                '#' => flags.sharp = true,
                ' ' => flags.space = true,
                _ => flags.zero = true,
            }
        }
        let digits = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| -> anyhow::Result<Option<usize>> {
            let mut number = None;
            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                chars.next();
                let more = number.unwrap_or(0) * 10 + digit as usize;
                if more > WIDTH {
                    return Err(limit(more));
                }
                number = Some(more);
            }
            if chars.peek().is_some_and(|c| *c == '*' || *c == '[') {
                Err(limit(usize::MAX))
            } else {
                Ok(number)
            }
        };
        flags.width = digits(&mut chars)?;
        if chars.next_if_eq(&'.').is_some() {
            flags.precision = Some(digits(&mut chars)?.unwrap_or(0));
        }
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match next.next() {
                None => {
                    out.push_str("%!");
                    out.push(verb);
                    out.push_str("(MISSING)");
                }
                Some(operand) => {
                    // With this verb, the flag asks for the names of fields.
                    flags.plus &= verb != 'v';
                    print(operand, verb, flags, &mut out)?;
                }
            },
        }
    }
    let mut first = true;
    for operand in next {
        out.push_str(if std::mem::take(&mut first) { "%!(EXTRA " } else { ", " });
        out.push_str(operand.name());
        out.push('=');
        print(operand, 'v', Flags::default(), &mut out)?;
    }
    if !first {
        out.push(')');
    }
    Ok(Value::from(out))
}

fn print(operand: &Operand, verb: char, flags: Flags, out: &mut String) -> anyhow::Result<()> {
    match (operand, verb) {
        (operand, 'T') => pad(&truncated(operand.name(), flags), flags, out),
        (Operand::Int(number), 'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X') => {
            let digits = radix(number.unsigned_abs(), verb);
            integer(*number < 0, &digits, verb, flags, out);
        }
        (Operand::Int(number), 'c') => pad(&character(*number).to_string(), flags, out),
        (Operand::Int(number), 'q') if !flags.sharp && !flags.plus => {
            let mut quoted = String::from("'");
            escape(character(*number), '\'', &mut quoted);
            pad(&(quoted + "'"), flags, out);
        }
        (Operand::Int(number), 'U') if !flags.sharp && flags.precision.is_none() && *number >= 0 => {
            pad(&format!("U+{number:04X}"), Flags { zero: false, ..flags }, out);
        }
        (Operand::Big(digits), 'v' | 'd' | 's') if !flags.zero => {
            let (negative, digits) =
                digits.strip_prefix('-').map_or((false, &**digits), |digits| (true, digits));
            integer(negative, digits, 'd', flags, out);
        }
        (Operand::Float(number), 'v' | 'g' | 'G' | 'e' | 'E' | 'f' | 'F') if !flags.sharp => {
            float(*number, verb, flags, out)?;
        }
        (Operand::Text(value), 'v') if flags.sharp => pad(&quoted(value, false), flags, out),
        (Operand::Text(value), 'v' | 's') => pad(&truncated(value, flags), flags, out),
        (Operand::Text(value), 'q') if !flags.plus => {
            pad(&quoted(&truncated(value, flags), flags.sharp), flags, out);
        }
        (Operand::Text(value), 'x' | 'X') if !flags.sharp && !flags.space => {
            let bytes = value.as_bytes();
            let bytes = bytes.get(..flags.precision.unwrap_or(bytes.len())).unwrap_or(bytes);
            let hex = bytes
                .iter()
                .map(|byte| if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") });
            pad(&hex.collect::<String>(), flags, out);
        }
        (Operand::Int(_), 'q' | 'U') | (Operand::Text(_), 'q' | 'x' | 'X') | (Operand::Big(_), _) => {
            return Err(limit(usize::MAX));
        }
        (Operand::Float(_), 'v' | 'g' | 'G' | 'e' | 'E' | 'f' | 'F' | 'b' | 'x' | 'X') => {
            return Err(limit(usize::MAX));
        }
        (operand, verb) => {
            write!(out, "%!{verb}({}=", operand.name())?;
            print(operand, 'v', flags, out)?;
            out.push(')');
        }
    }
    Ok(())
}

fn character(number: i64) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn radix(number: u64, verb: char) -> String {
    match verb {
        'b' => format!("{number:b}"),
        'o' | 'O' => format!("{number:o}"),
        'x' => format!("{number:x}"),
        'X' => format!("{number:X}"),
        _ => number.to_string(),
    }
}

fn integer(negative: bool, digits: &str, verb: char, flags: Flags, out: &mut String) {
    let least = match (flags.precision, flags.width) {
        (Some(0), _) if digits == "0" => {
            pad("", Flags { zero: false, ..flags }, out);
            return;
        }
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero && !flags.minus => {
            width - usize::from(negative || flags.plus || flags.space).min(width)
        }
        _ => 0,
    };
    let mut number = match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    }
    .to_owned();
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    match verb {
        'b' if flags.sharp => number.push_str("0b"),
        'o' if flags.sharp && !zeros.starts_with('0') && !digits.starts_with('0') => number.push('0'),
        'x' if flags.sharp => number.push_str("0x"),
        'X' if flags.sharp => number.push_str("0X"),
        'O' => number.push_str("0o"),
        _ => {}
    }
    number += &zeros;
    number += digits;
    pad(&number, Flags { zero: false, ..flags }, out);
}

fn float(number: f64, verb: char, flags: Flags, out: &mut String) -> anyhow::Result<()> {
    if !number.is_finite() {
        return Err(limit(usize::MAX));
    }
    let magnitude = number.abs();
    let digits = match verb {
        'f' | 'F' => format!("{magnitude:.*}", flags.precision.unwrap_or(6)),
        'e' | 'E' => exponent(&format!("{magnitude:.*e}", flags.precision.unwrap_or(6))),
        _ if flags.precision.is_some() => return Err(limit(usize::MAX)),
        _ => general(magnitude, 6),
    };
    let digits = if verb == 'E' || verb == 'G' { digits.to_uppercase() } else { digits };
    let sign = match (number.is_sign_negative(), flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    };
    let len = sign.len() + digits.len();
    let zeros =
        flags.width.filter(|_| flags.zero && !flags.minus).map_or(0, |width| width.saturating_sub(len));
    let number = format!("{sign}{}{digits}", "0".repeat(zeros));
    pad(&number, flags, out);
    Ok(())
}

/// Writes an exponent as Go does, with a sign and two digits.
fn exponent(number: &str) -> String {
    let Some((digits, exponent)) = number.split_once('e') else { return number.to_owned() };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Writes a number in as few digits as identify it, with an exponent from `most` digits before the point.
fn general(magnitude: f64, most: i32) -> String {
    let scientific = format!("{magnitude:e}");
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    if power < -4 || power >= most { exponent(&scientific) } else { magnitude.to_string() }
}

/// Returns the text of a number in JSON.
pub(super) fn shown(value: &Value) -> String {
    let Ok(number) = value.as_number() else { return String::new() };
    if let Some(number) = number.as_i128() {
        return number.to_string();
    }
    match number.as_f64() {
        Some(number) if number.fract() != 0.0 => {
            let sign = if number.is_sign_negative() { "-" } else { "" };
            format!("{sign}{}", general(number.abs(), 21))
        }
        _ => number.format_decimal(),
    }
}

fn truncated(value: &str, flags: Flags) -> String {
    value.chars().take(flags.precision.unwrap_or(usize::MAX)).collect()
}

fn pad(value: &str, flags: Flags, out: &mut String) {
    let missing = flags.width.map_or(0, |width| width.saturating_sub(value.chars().count()));
    let fill = if flags.zero && !flags.minus { "0" } else { " " }.repeat(missing);
    if flags.minus {
        out.push_str(value);
        out.push_str(&fill);
    } else {
        out.push_str(&fill);
        out.push_str(value);
    }
}

/// Writes a text in quotes as Go does.
fn quoted(value: &str, raw: bool) -> String {
    if raw && value.chars().all(|c| (c == '\t' || c >= ' ') && c != '`' && c != '\u{7f}' && c != '\u{feff}') {
        return format!("`{value}`");
    }
    let mut text = String::from("\"");
    value.chars().for_each(|c| escape(c, '"', &mut text));
    text + "\""
}

fn escape(c: char, quote: char, out: &mut String) {
    match c {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => out.extend(['\\', c]),
        ' '..='~' => out.push(c),
        '\0'..='\x7f' => out.push_str(&format!("\\x{:02x}", c as u32)),
        // Marks are printable, though they are not where Rust writes them alone.
        '\u{300}'..='\u{36f}' => out.push(c),
        c if c.escape_debug().len() == 1 => out.push(c),
        c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
        c => out.push_str(&format!("\\U{:08x}", c as u32)),
    }
}

/// Writes a value in the syntax of Rego.
fn rego(value: &Value, out: &mut String) -> anyhow::Result<()> {
    if out.len() > BYTES {
        return Err(limit(out.len()));
    }
    match value {
        Value::Null | Value::Undefined => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(_) => out.push_str(&shown(value)),
        Value::String(text) => out.push_str(&quoted(text, false)),
        Value::Array(items) => list(&mut items.iter(), ['[', ']'], out)?,
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => list(&mut items.iter(), ['{', '}'], out)?,
        Value::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter_sorted().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                rego(key, out)?;
                out.push_str(": ");
                rego(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn list(
    items: &mut dyn Iterator<Item = &Value>,
    [open, close]: [char; 2],
    out: &mut String,
) -> anyhow::Result<()> {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        rego(item, out)?;
    }
    out.push(close);
    Ok(())
}
