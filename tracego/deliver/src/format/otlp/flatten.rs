//! Conversion of any value to OTLP attributes: objects become dotted names, the content of a list stays
//! nested.
//!
//! Both encodings share one walk. Values that OTLP has no type for follow the specification's "Mapping
//! Arbitrary Data to OTLP AnyValue": null is an empty value, an integer beyond signed 64 bits is a string.

use serde::{Serialize, de::value::Error};
use tracego_model::walk::{Scalar, Visitor, walk};

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
/// Fails if the value cannot be walked.
pub(super) fn attributes<O: AttributeWriter, T: Serialize + ?Sized>(
    prefix: &str,
    value: &T,
    except: &[(String, String)],
    out: &mut O,
) -> Result<(), Error> {
    let mut key = String::with_capacity(64);
    key.push_str(prefix);
    walk(value, ValueRole::Attribute, &mut Attributes { out, key, except })
}

/// Role of the value at hand.
#[derive(Clone, Copy, Eq, PartialEq)]
enum ValueRole {
    /// Attribute; an object contributes its members instead.
    Attribute,
    /// Value whose entry or element has begun.
    Value,
}

struct Attributes<'a, O> {
    out: &'a mut O,
    /// Name of the current attribute.
    key: String,
    except: &'a [(String, String)],
}

/// List that has begun.
struct List<M> {
    /// Entry of the list, if it is an attribute itself.
    entry: Option<M>,
    list: M,
}

/// Object whose members are next.
enum Object<M> {
    /// Map that has begun.
    Map(M),
    /// Object that stands for attributes, with the length of its name.
    Attributes(usize),
}

impl<O: AttributeWriter> Attributes<'_, O> {
    fn hidden(&self) -> bool {
        self.except.iter().any(|(name, _)| *name == self.key)
    }

    /// Begins the entry of an attribute. Returns `None` for a value whose entry or element has begun.
    fn begin(&mut self, role: ValueRole) -> Option<O::Mark> {
        (role == ValueRole::Attribute).then(|| self.out.begin_entry(&self.key, KeyValuePlace::Attribute))
    }

    fn end(&mut self, entry: Option<O::Mark>) {
        if let Some(entry) = entry {
            self.out.end_entry(entry);
        }
    }
}

impl<O: AttributeWriter> Visitor for Attributes<'_, O> {
    type Place = ValueRole;
    /// List that has begun; `None` if it is left out.
    type Array = Option<List<O::Mark>>;
    type Object = Object<O::Mark>;
    type Error = Error;

    fn scalar(&mut self, role: ValueRole, value: Scalar<'_>) -> Result<(), Error> {
        if role == ValueRole::Attribute && self.hidden() {
            return Ok(());
        }
        let entry = self.begin(role);
        match value {
            Scalar::Null => {}
            Scalar::Bool(value) => self.out.boolean(value),
            Scalar::Signed(value) => self.out.int(value),
            Scalar::Unsigned(value) => match i64::try_from(value) {
                Ok(value) => self.out.int(value),
                Err(_) => self.out.string(&value.to_string()),
            },
            Scalar::Float(value) => self.out.double(value),
            Scalar::Text(value) => self.out.string(value),
        }
        self.end(entry);
        Ok(())
    }

    fn begin_array(&mut self, role: ValueRole) -> Result<Self::Array, Error> {
        if role == ValueRole::Attribute && self.hidden() {
            return Ok(None);
        }
        Ok(Some(List { entry: self.begin(role), list: self.out.begin_list() }))
    }

    fn item<T: Serialize + ?Sized>(&mut self, list: &mut Self::Array, value: &T) -> Result<(), Error> {
        if list.is_some() {
            let element = self.out.begin_element();
            walk(value, ValueRole::Value, self)?;
            self.out.end_element(element);
        }
        Ok(())
    }

    fn end_array(&mut self, list: Self::Array) -> Result<(), Error> {
        if let Some(List { entry, list }) = list {
            self.out.end_list(list);
            self.end(entry);
        }
        Ok(())
    }

    fn begin_object(&mut self, role: ValueRole) -> Result<Self::Object, Error> {
        Ok(match role {
            ValueRole::Attribute => Object::Attributes(self.key.len()),
            ValueRole::Value => Object::Map(self.out.begin_map()),
        })
    }

    fn member<T: Serialize + ?Sized>(
        &mut self,
        object: &mut Self::Object,
        name: &str,
        value: &T,
    ) -> Result<(), Error> {
        match *object {
            Object::Map(_) => {
                let entry = self.out.begin_entry(name, KeyValuePlace::Member);
                walk(value, ValueRole::Value, self)?;
                self.out.end_entry(entry);
            }
            Object::Attributes(above) => {
                if above > 0 {
                    self.key.push('.');
                }
                self.key.push_str(name);
                walk(value, ValueRole::Attribute, self)?;
                self.key.truncate(above);
            }
        }
        Ok(())
    }

    fn end_object(&mut self, object: Self::Object) -> Result<(), Error> {
        if let Object::Map(map) = object {
            self.out.end_map(map);
        }
        Ok(())
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
