//! Any value as OTLP attributes: objects become dotted names, what is in a list stays nested.
//!
//! One walk for both encodings. What OTLP has no type for follows the specification's "Mapping Arbitrary
//! Data to OTLP AnyValue": null is an empty value, an integer beyond 64 bits with sign is a string.

use serde::{
    Serialize, Serializer,
    de::value::Error,
    ser::{self, Error as _},
};

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

impl<'a, O: Output> Serializer for Walk<'a, O> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'a, O>;
    type SerializeTuple = List<'a, O>;
    type SerializeTupleStruct = List<'a, O>;
    type SerializeTupleVariant = ser::Impossible<(), Error>;
    type SerializeMap = Map<'a, O>;
    type SerializeStruct = Map<'a, O>;
    type SerializeStructVariant = ser::Impossible<(), Error>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if self.role == Role::Key {
            self.key.push_str(value);
            return Ok(());
        }
        self.scalar(|out| out.string(value))
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.scalar(|out| out.boolean(value))
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.scalar(|out| out.int(value))
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => self.scalar(|out| out.string(&value.to_string())),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.scalar(|out| out.double(value))
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        Err(Error::custom("a record holds no bytes"))
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.scalar(|_| {})
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut map = self.serialize_map(Some(1))?;
        ser::SerializeStruct::serialize_field(&mut map, variant, value)?;
        ser::SerializeStruct::end(map)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a, O>, Error> {
        let (entry, list) = match self.role {
            Role::Key => return Err(Error::custom("a key of a map is no text")),
            Role::Attribute => {
                let entry = self.out.begin_entry(self.key, Place::Attribute);
                (Some(entry), self.out.begin_list())
            }
            Role::Value => (None, self.out.begin_list()),
        };
        Ok(List { walk: self, entry, list })
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'a, O>, Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List<'a, O>, Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(Error::custom("a record holds no tuple variant"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a, O>, Error> {
        let map = match self.role {
            Role::Key => return Err(Error::custom("a key of a map is no text")),
            Role::Attribute => None,
            Role::Value => Some(self.out.begin_map()),
        };
        let above = self.key.len();
        Ok(Map { walk: self, map, above })
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Map<'a, O>, Error> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(Error::custom("a record holds no struct variant"))
    }
}

struct List<'a, O: Output> {
    walk: Walk<'a, O>,
    entry: Option<O::Mark>,
    list: O::Mark,
}

impl<O: Output> ser::SerializeSeq for List<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let mark = self.walk.out.begin_element();
        value.serialize(self.walk.again(Role::Value))?;
        self.walk.out.end_element(mark);
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        self.walk.out.end_list(self.list);
        if let Some(entry) = self.entry {
            self.walk.out.end_entry(entry);
        }
        Ok(())
    }
}

impl<O: Output> ser::SerializeTuple for List<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

impl<O: Output> ser::SerializeTupleStruct for List<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

struct Map<'a, O: Output> {
    walk: Walk<'a, O>,
    /// Its beginning, where it is a value.
    map: Option<O::Mark>,
    /// Length of the name that it has itself.
    above: usize,
}

impl<O: Output> Map<'_, O> {
    /// The name of a member is at the end of the current name.
    fn member<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.map.is_some() {
            let name = self.walk.key.get(self.above..).unwrap_or_default();
            let mark = self.walk.out.begin_entry(name, Place::Member);
            value.serialize(self.walk.again(Role::Value))?;
            self.walk.out.end_entry(mark);
        } else {
            value.serialize(self.walk.again(Role::Attribute))?;
        }
        self.walk.key.truncate(self.above);
        Ok(())
    }

    fn dot(&mut self) {
        if self.map.is_none() && self.above > 0 {
            self.walk.key.push('.');
        }
    }
}

impl<O: Output> ser::SerializeMap for Map<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.dot();
        key.serialize(self.walk.again(Role::Key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.member(value)
    }

    fn end(self) -> Result<(), Error> {
        if let Some(map) = self.map {
            self.walk.out.end_map(map);
        }
        Ok(())
    }
}

impl<O: Output> ser::SerializeStruct for Map<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.dot();
        self.walk.key.push_str(key);
        self.member(value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeMap::end(self)
    }
}
