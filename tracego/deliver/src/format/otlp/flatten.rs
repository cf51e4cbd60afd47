//! Any value as OTLP attributes: objects become dotted names, what is in a list stays nested.
//!
//! One walk for both encodings. What OTLP has no type for follows the specification's "Mapping Arbitrary
//! Data to OTLP AnyValue": null is an empty value, an integer beyond 64 bits with sign is a string.

mod nested;
mod values;

use serde::{Serialize, de::value::Error, ser::Error as _};

/// Where a `KeyValue` stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// An attribute of a record or of a resource.
    Attribute,
    /// A member of a map that is itself a value.
    Member,
}

/// An encoding of `KeyValue` and `AnyValue`. Each `begin` is ended with the mark that it gave.
pub(super) trait Output {
    /// Where something began.
    type Mark;
    /// A `KeyValue` whose value comes next.
    fn begin_entry(&mut self, key: &str, place: Place) -> Self::Mark;
    /// The value is there.
    fn end_entry(&mut self, mark: Self::Mark);
    /// A list.
    fn begin_list(&mut self) -> Self::Mark;
    /// All elements are there.
    fn end_list(&mut self, mark: Self::Mark);
    /// An element of a list; its value comes next.
    fn begin_element(&mut self) -> Self::Mark;
    /// The value is there.
    fn end_element(&mut self, mark: Self::Mark);
    /// A map.
    fn begin_map(&mut self) -> Self::Mark;
    /// All members are there.
    fn end_map(&mut self, mark: Self::Mark);
    /// A text.
    fn string(&mut self, value: &str);
    /// A number.
    fn int(&mut self, value: i64);
    /// True or false.
    fn boolean(&mut self, value: bool);
    /// A number with a fraction.
    fn double(&mut self, value: f64);
}

/// Writes a value as attributes below `prefix`, but for the names in `except`.
///
/// # Errors
/// When it holds what is no JSON either.
pub(super) fn attributes<O: Output, T: Serialize + ?Sized>(
    prefix: &str,
    value: &T,
    except: &[(String, String)],
    out: &mut O,
) -> Result<(), Error> {
    let mut key = String::with_capacity(64);
    key.push_str(prefix);
    value.serialize(Walk { out, key: &mut key, except, role: Role::Attribute })
}

/// What a value is for.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Role {
    /// An attribute, unless it is an object: then its members are.
    Attribute,
    /// A value whose beginning is written.
    Value,
    /// The key of a map's entry; it goes to the end of the current name.
    Key,
}

struct Walk<'a, O> {
    out: &'a mut O,
    /// Name of the current attribute.
    key: &'a mut String,
    except: &'a [(String, String)],
    role: Role,
}

impl<O: Output> Walk<'_, O> {
    fn scalar(self, write: impl FnOnce(&mut O)) -> Result<(), Error> {
        match self.role {
            Role::Value => write(self.out),
            Role::Key => return Err(Error::custom("a key of a map is no text")),
            Role::Attribute if self.hidden() => {}
            Role::Attribute => {
                let mark = self.out.begin_entry(self.key, Place::Attribute);
                write(self.out);
                self.out.end_entry(mark);
            }
        }
        Ok(())
    }

    fn hidden(&self) -> bool {
        self.except.iter().any(|(name, _)| name == self.key)
    }

    fn again(&mut self, role: Role) -> Walk<'_, O> {
        Walk { out: &mut *self.out, key: &mut *self.key, except: self.except, role }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::json::Json, *};

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
