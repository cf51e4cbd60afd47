//! Hashes of files, as OPA computes them when it signs a bundle.
//!
//! Source: `v1/bundle/hash.go`, `IsStructuredDoc` and `VerifyBundleFile` of OPA 1.x. Data and manifest are
//! hashed without white space and with sorted keys, so that they may be reformatted; all other files as they
//! are. The name alone decides, and `data.yml` is one of the other files.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256, Sha384, Sha512, Sha512_256};

use super::{
    data,
    error::BundleProblem,
    files::{MANIFEST, base},
};

/// Maximum nesting of objects and lists: each level is parsed once more.
const NESTED_MAX: usize = 64;

/// Returns the hash of a file. `algorithm` is a name that OPA uses.
pub(super) fn hash(name: &str, content: &[u8], algorithm: &str) -> Result<Vec<u8>, BundleProblem> {
    let bytes = canonical(name, content)?;
    Ok(match algorithm {
        "SHA-256" => Sha256::digest(&bytes).to_vec(),
        "SHA-384" => Sha384::digest(&bytes).to_vec(),
        "SHA-512" => Sha512::digest(&bytes).to_vec(),
        "SHA-512-256" => Sha512_256::digest(&bytes).to_vec(),
        "MD5" | "SHA-1" => {
            let why = format!("is signed by its {algorithm}, which can be forged; sign it with SHA-256");
            return Err(BundleProblem::Signature(why));
        }
        _ => {
            return Err(BundleProblem::Signature(
                "is signed by a hash that is not SHA-256, -384 or -512".into(),
            ));
        }
    })
}

fn canonical<'a>(name: &str, content: &'a [u8]) -> Result<Cow<'a, [u8]>, BundleProblem> {
    if !matches!(base(name), "data.json" | "data.yaml" | MANIFEST) {
        return Ok(Cow::Borrowed(content));
    }
    let mut out = Vec::with_capacity(content.len());
    match serde_json::from_slice::<&RawValue>(content) {
        Ok(raw) => json(raw, &mut out, 0)?,
        Err(error) if base(name) != "data.yaml" => return Err(BundleProblem::Data(error.to_string())),
        Err(_) => yaml(&data::yaml(content)?, &mut out),
    }
    Ok(Cow::Owned(out))
}

/// Writes JSON with sorted keys, the last one of equal keys, and numbers as they are written.
fn json(raw: &RawValue, out: &mut Vec<u8>, depth: usize) -> Result<(), BundleProblem> {
    if depth > NESTED_MAX {
        return Err(BundleProblem::Data(format!(
            "has more than {NESTED_MAX} objects and lists in each other"
        )));
    }
    let bad = |error: serde_json::Error| BundleProblem::Data(error.to_string());
    let source = raw.get();
    match source.as_bytes().first() {
        Some(b'{') => {
            let object: BTreeMap<String, &RawValue> = serde_json::from_str(source).map_err(bad)?;
            out.push(b'{');
            for (at, (key, value)) in object.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                text(&key, out);
                out.push(b':');
                json(value, out, depth + 1)?;
            }
            out.push(b'}');
        }
        Some(b'[') => {
            let list: Vec<&RawValue> = serde_json::from_str(source).map_err(bad)?;
            out.push(b'[');
            for (at, value) in list.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                json(value, out, depth + 1)?;
            }
            out.push(b']');
        }
        Some(b'"') => text(&serde_json::from_str::<String>(source).map_err(bad)?, out),
        _ => out.extend_from_slice(source.as_bytes()),
    }
    Ok(())
}

/// Writes a YAML document as JSON with sorted keys. OPA makes JSON of it first, so numbers are in Go's
/// format.
fn yaml(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<&String, &Value> = object.iter().collect();
            out.push(b'{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                text(key, out);
                out.push(b':');
                yaml(value, out);
            }
            out.push(b'}');
        }
        Value::Array(list) => {
            out.push(b'[');
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                yaml(value, out);
            }
            out.push(b']');
        }
        Value::String(string) => text(string, out),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.extend_from_slice(go_float(float).as_bytes()),
            _ => out.extend_from_slice(number.to_string().as_bytes()),
        },
        Value::Bool(_) | Value::Null => out.extend_from_slice(value.to_string().as_bytes()),
    }
}

/// Writes a text as Go's encoder does without HTML escapes: as serde_json does, but with U+2028 and U+2029
/// escaped, which are not allowed in JavaScript.
fn text(text: &str, out: &mut Vec<u8>) {
    let written = Value::from(text).to_string();
    out.extend_from_slice(written.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").as_bytes());
}

/// Formats a number as `floatEncoder` of Go's encoding/json does: the shortest digits, with an exponent for
/// very small and very large numbers.
fn go_float(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let written = format!("{float:e}");
        match written.split_once('e') {
            // Go writes the sign of the exponent. Its encoder removes a leading zero only from negative
            // exponents.
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
            _ => written,
        }
    } else {
        format!("{float}")
    }
}
