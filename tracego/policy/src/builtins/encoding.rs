//! Encodings of texts and values, as Go has them.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use regorus::Value;

use super::{BYTES, Outcome, arg, limit, text};

/// Maximum depth of a value in JSON. Go has 10,000; a value that deep would cost the engine its stack.
const DEPTH: usize = 100;

/// Decodes base64 of the standard alphabet.
fn standard(value: &str) -> Option<Vec<u8>> {
    // Ends of lines do not matter here.
    let value: String = value.chars().filter(|c| *c != '\r' && *c != '\n').collect();
    decode(&STANDARD, DecodePaddingMode::RequireCanonical, &value)
}

/// Decodes as Go does: bits behind the last byte do not matter.
fn decode(alphabet: &base64::alphabet::Alphabet, padding: DecodePaddingMode, value: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(padding);
    GeneralPurpose::new(alphabet, config).decode(value).ok()
}

/// Makes a text of bytes. Go keeps bytes that are no UTF-8 one by one.
fn made(bytes: Vec<u8>) -> Value {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    Value::from(text)
}

pub(super) fn base64_decode(args: &[Value]) -> Outcome {
    standard(text(args, 0)?).map(made).ok_or_else(|| anyhow::anyhow!("illegal base64 data"))
}

pub(super) fn base64_is_valid(args: &[Value]) -> Outcome {
    Ok(Value::from(arg(args, 0).as_string().is_ok_and(|value| standard(value).is_some())))
}

pub(super) fn base64url_decode(args: &[Value]) -> Outcome {
    let value = text(args, 0)?;
    let padding = if value.contains('=') {
        DecodePaddingMode::RequireCanonical
    } else {
        DecodePaddingMode::RequireNone
    };
    decode(&URL_SAFE, padding, value).map(made).ok_or_else(|| anyhow::anyhow!("illegal base64 data"))
}

pub(super) fn hex_decode(args: &[Value]) -> Outcome {
    let value = text(args, 0)?.as_bytes();
    anyhow::ensure!(value.len() % 2 == 0, "odd length hex string");
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = value.chunks(2).map(byte).collect();
    bytes.map(made).ok_or_else(|| anyhow::anyhow!("invalid byte"))
}

/// Checks the nesting of JSON before it is parsed.
fn shallow(value: &str) -> anyhow::Result<()> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in value.bytes() {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > DEPTH {
                    return Err(limit(depth));
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Parses JSON. Numbers that the engine cannot have and halves of surrogate pairs, which Go accepts, fail the
/// evaluation.
fn parse(value: &str) -> anyhow::Result<serde_json::Value> {
    shallow(value)?;
    match serde_json::from_str(value) {
        Err(error)
            if ["number out of range", "surrogate", "unexpected end of hex"]
                .iter()
                .any(|known| error.to_string().contains(known)) =>
        {
            Err(limit(usize::MAX))
        }
        parsed => Ok(parsed?),
    }
}

pub(super) fn json_unmarshal(args: &[Value]) -> Outcome {
    Ok(Value::from(parse(text(args, 0)?)?))
}

pub(super) fn json_is_valid(args: &[Value]) -> Outcome {
    let Ok(value) = arg(args, 0).as_string() else { return Ok(Value::from(false)) };
    match parse(value) {
        Err(error) if error.downcast_ref::<regorus::LimitError>().is_some() => Err(error),
        parsed => Ok(Value::from(parsed.is_ok())),
    }
}

/// Writes JSON as Go does: with the members of objects in order, and the characters of HTML escaped.
pub(super) fn json_marshal(args: &[Value]) -> Outcome {
    let mut json = String::new();
    write(arg(args, 0), &mut json)?;
    Ok(Value::from(json))
}

fn write(value: &Value, out: &mut String) -> anyhow::Result<()> {
    if out.len() > BYTES {
        return Err(limit(out.len()));
    }
    let list = |items: &mut dyn Iterator<Item = &Value>, out: &mut String| -> anyhow::Result<()> {
        out.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                out.push(',');
            }
            write(item, out)?;
        }
        out.push(']');
        Ok(())
    };
    match value {
        Value::Array(items) => list(&mut items.iter(), out)?,
        Value::Set(items) => list(&mut items.iter(), out)?,
        Value::Object(members) => {
            let mut named: Vec<(String, &Value)> = Vec::with_capacity(members.len());
            for (key, value) in members.iter() {
                let name = match key {
                    Value::String(name) => name.to_string(),
                    key => {
                        let mut name = String::new();
                        write(key, &mut name)?;
                        name
                    }
                };
                named.push((name, value));
            }
            named.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (index, (name, value)) in named.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote(name, out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
        Value::String(text) => quote(text, out),
        Value::Number(_) => out.push_str(&super::format::shown(value)),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Null | Value::Undefined => out.push_str("null"),
    }
    Ok(())
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
