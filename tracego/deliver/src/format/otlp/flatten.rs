//! Conversion of any value to OTLP attributes: objects become dotted names, the content of a list stays
//! nested.
//!
//! Both encodings share one walk. Values that OTLP has no type for follow the specification's "Mapping
//! Arbitrary Data to OTLP AnyValue": null is an empty value, an integer beyond signed 64 bits is a string.

mod nested;
mod values;

use serde::{Serialize, de::value::Error, ser::Error as _};

/// Place of a `KeyValue`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyValuePlace {
    /// Attribute of a record or of a resource.
    Attribute,
    /// Member of a map that is itself a value.
    Member,
}

/// Encoding of `KeyValue` and `AnyValue`. Each `begin_…` needs its `end_…`, with the mark that it returned.
pub(super) trait AttributeWriter {
    /// Position where an item began.
    type Mark;
    /// Begins a `KeyValue`; its value comes next.
    fn begin_entry(&mut self, key: &str, place: KeyValuePlace) -> Self::Mark;
    /// Ends a `KeyValue`, after its value.
    fn end_entry(&mut self, mark: Self::Mark);
    /// Begins a list.
    fn begin_list(&mut self) -> Self::Mark;
    /// Ends a list, after all elements.
    fn end_list(&mut self, mark: Self::Mark);
    /// Begins an element of a list; its value comes next.
    fn begin_element(&mut self) -> Self::Mark;
    /// Ends an element, after its value.
    fn end_element(&mut self, mark: Self::Mark);
    /// Begins a map.
    fn begin_map(&mut self) -> Self::Mark;
    /// Ends a map, after all members.
    fn end_map(&mut self, mark: Self::Mark);
    /// Writes a string.
    fn string(&mut self, value: &str);
    /// Writes an integer.
    fn int(&mut self, value: i64);
    /// Writes true or false.
    fn boolean(&mut self, value: bool);
    /// Writes a number with a fraction.
    fn double(&mut self, value: f64);
}

/// Writes a value as attributes below `prefix`, without the names in `except`.
///
/// # Errors
/// Fails if the value holds bytes, a tuple or struct variant, or a map key that is no text.
pub(super) fn attributes<O: AttributeWriter, T: Serialize + ?Sized>(
    prefix: &str,
    value: &T,
    except: &[(String, String)],
    out: &mut O,
) -> Result<(), Error> {
    let mut key = String::with_capacity(64);
    key.push_str(prefix);
    value.serialize(AttributeSerializer { out, key: &mut key, except, role: ValueRole::Attribute })
}

/// Role of the value at hand.
#[derive(Clone, Copy, Eq, PartialEq)]
enum ValueRole {
    /// Attribute; an object contributes its members instead.
    Attribute,
    /// Value whose entry or element has begun.
    Value,
    /// Key of a map's entry, which is appended to the current name.
    Key,
}

struct AttributeSerializer<'a, O> {
    out: &'a mut O,
    /// Name of the current attribute.
    key: &'a mut String,
    except: &'a [(String, String)],
    role: ValueRole,
}

impl<O: AttributeWriter> AttributeSerializer<'_, O> {
    fn scalar(self, write: impl FnOnce(&mut O)) -> Result<(), Error> {
        match self.role {
            ValueRole::Value => write(self.out),
            ValueRole::Key => return Err(Error::custom("a map key is not a text")),
            ValueRole::Attribute if self.hidden() => {}
            ValueRole::Attribute => {
                let mark = self.out.begin_entry(self.key, KeyValuePlace::Attribute);
                write(self.out);
                self.out.end_entry(mark);
            }
        }
        Ok(())
    }

    fn hidden(&self) -> bool {
        self.except.iter().any(|(name, _)| name == self.key)
    }

    fn again(&mut self, role: ValueRole) -> AttributeSerializer<'_, O> {
        AttributeSerializer { out: &mut *self.out, key: &mut *self.key, except: self.except, role }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::format::otlp::json::Json;

    #[test]
    fn what_is_left_out_is_left_out_whatever_it_is() {
        let value = json!({
            "list": [1, {"text": "b"}], "text": "a", "number": 1, "null": null, "empty": [],
            "map": {"list": [[1], 2], "text": "c", "kept": [{"list": 3}]},
        });
        let written = |except: &[&str]| {
            let except: Vec<_> = except.iter().map(|name| ((*name).to_owned(), String::new())).collect();
            let mut out = b"[".to_vec();
            attributes("a", &value, &except, &mut Json(&mut out)).unwrap();
            out.push(b']');
            let all: Vec<Value> = serde_json::from_slice(&out).unwrap();
            all.into_iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all =
            ["a.empty", "a.list", "a.map.kept", "a.map.list", "a.map.text", "a.null", "a.number", "a.text"];
        let mut whole = written(&[]);
        whole.sort();
        assert_eq!(whole, all);
        for name in all {
            let mut rest = written(&[name]);
            rest.sort();
            let wanted: Vec<_> = all.into_iter().filter(|other| *other != name).collect();
            assert_eq!(rest, wanted, "{name}");
        }
        assert_eq!(written(&all), [""; 0]);
    }
}
