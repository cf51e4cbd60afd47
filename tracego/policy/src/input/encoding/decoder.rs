//! Decoding of bytes to values of regorus.

use std::sync::Arc;

use regorus::{Value, value::Object};

use super::tag;

/// Removes one value from the front and returns it; `None` if the bytes are not a value.
pub(super) fn value(from: &mut &[u8]) -> Option<Value> {
    Some(match byte(from)? {
        tag::NULL => Value::Null,
        tag::FALSE => Value::Bool(false),
        tag::TRUE => Value::Bool(true),
        tag::UNSIGNED => Value::from(u64::from_le_bytes(array(from)?)),
        tag::SIGNED => Value::from(i64::from_le_bytes(array(from)?)),
        tag::FLOAT => Value::from(f64::from_le_bytes(array(from)?)),
        tag::TEXT => text(from)?,
        tag::ARRAY => {
            let mut items = Vec::new();
            while !ended(from) {
                items.push(value(from)?);
            }
            Value::from(items)
        }
        tag::OBJECT => {
            let mut members = Object::default();
            while !ended(from) {
                let name = (byte(from)? == tag::TEXT).then(|| text(from))??;
                members.insert(name, value(from)?);
            }
            Value::Object(Arc::new(members))
        }
        _ => return None,
    })
}

fn ended(from: &mut &[u8]) -> bool {
    let ended = from.first() == Some(&tag::END);
    if ended {
        *from = &from[1..];
    }
    ended
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    array(from).map(|[byte]| byte)
}

fn array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*array)
}

fn text(from: &mut &[u8]) -> Option<Value> {
    let length = usize::try_from(u32::from_le_bytes(array(from)?)).ok()?;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(Value::String(Arc::from(std::str::from_utf8(text).ok()?)))
}
