//! Anything that serialises → a value of regorus, without a text between, and without what is not wanted.

mod key;

use std::{fmt, sync::Arc};

use regorus::{Value, value::Object};
use serde::{
    Serialize, Serializer,
    ser::{
        self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use key::Key;

use super::wanted::Wanted;

/// Makes the value.
///
/// # Errors
/// When the value says that it cannot be serialised, or has keys that are no texts.
pub(super) fn to_value<T: Serialize + ?Sized>(value: &T, wanted: &Wanted) -> Result<Value, Failed> {
    value.serialize(Builder { wanted })
}

/// Why there is no value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[derive(Clone, Copy)]
struct Builder<'w> {
    wanted: &'w Wanted,
}

struct Items<'w> {
    wanted: &'w Wanted,
    items: Vec<Value>,
}

struct Members<'w> {
    wanted: &'w Wanted,
    members: Object,
    key: Option<String>,
}

/// An enum's variant around what it holds.
struct Variant<T> {
    name: &'static str,
    inner: T,
}

fn text(text: &str) -> Value {
    Value::String(Arc::from(text))
}

fn one(name: &str, value: Value) -> Value {
    let mut object = Object::default();
    object.insert(text(name), value);
    Value::Object(Arc::new(object))
}

macro_rules! plain {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, value: $type) -> Result<Value, Failed> {
            Ok(Value::from(value))
        })*
    };
}

impl<'w> Serializer for Builder<'w> {
    type Ok = Value;
    type Error = Failed;
    type SerializeSeq = Items<'w>;
    type SerializeTuple = Items<'w>;
    type SerializeTupleStruct = Items<'w>;
    type SerializeTupleVariant = Variant<Items<'w>>;
    type SerializeMap = Members<'w>;
    type SerializeStruct = Members<'w>;
    type SerializeStructVariant = Variant<Members<'w>>;

    plain! {
        serialize_bool(bool);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f64(f64);
    }

    fn serialize_i8(self, value: i8) -> Result<Value, Failed> {
        Ok(Value::from(i64::from(value)))
    }

    fn serialize_i16(self, value: i16) -> Result<Value, Failed> {
        Ok(Value::from(i64::from(value)))
    }

    fn serialize_u8(self, value: u8) -> Result<Value, Failed> {
        Ok(Value::from(u64::from(value)))
    }

    fn serialize_u16(self, value: u16) -> Result<Value, Failed> {
        Ok(Value::from(u64::from(value)))
    }

    fn serialize_f32(self, value: f32) -> Result<Value, Failed> {
        Ok(Value::from(f64::from(value)))
    }

    fn serialize_char(self, value: char) -> Result<Value, Failed> {
        Ok(text(value.encode_utf8(&mut [0; 4])))
    }

    fn serialize_str(self, value: &str) -> Result<Value, Failed> {
        Ok(text(value))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Failed> {
        Err(Failed("bytes are no JSON".to_owned()))
    }

    fn serialize_none(self) -> Result<Value, Failed> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Failed> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Failed> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Failed> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Failed> {
        Ok(text(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Failed> {
        Ok(one(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'w>, Failed> {
        Ok(Items { wanted: self.wanted, items: Vec::new() })
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'w>, Failed> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'w>, Failed> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Variant<Items<'w>>, Failed> {
        Ok(Variant { name: variant, inner: self.serialize_seq(None)? })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'w>, Failed> {
        Ok(Members { wanted: self.wanted, members: Object::default(), key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'w>, Failed> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Variant<Members<'w>>, Failed> {
        Ok(Variant { name: variant, inner: self.serialize_map(None)? })
    }

    /// Values that keep their JSON give themselves instead (see `enrich::frozen`).
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl Items<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        self.items.push(to_value(value, self.wanted)?);
        Ok(())
    }

    fn value(self) -> Value {
        Value::from(self.items)
    }
}

impl Members<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Failed> {
        if let Some(wanted) = self.wanted.member(key) {
            self.members.insert(text(key), to_value(value, wanted)?);
        }
        Ok(())
    }

    fn value(self) -> Value {
        Value::Object(Arc::new(self.members))
    }
}

macro_rules! items {
    ($($trait:ident $method:ident;)*) => {
        $(impl $trait for Items<'_> {
            type Ok = Value;
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                self.add(value)
            }

            fn end(self) -> Result<Value, Failed> {
                Ok(self.value())
            }
        })*
    };
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}

impl SerializeTupleVariant for Variant<Items<'_>> {
    type Ok = Value;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        self.inner.add(value)
    }

    fn end(self) -> Result<Value, Failed> {
        Ok(one(self.name, self.inner.value()))
    }
}

impl SerializeMap for Members<'_> {
    type Ok = Value;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.key = Some(key.serialize(Key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let key = self.key.take().ok_or_else(|| Failed("a value without a key".to_owned()))?;
        self.add(&key, value)
    }

    fn end(self) -> Result<Value, Failed> {
        Ok(self.value())
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = Value;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Failed> {
        self.add(key, value)
    }

    fn end(self) -> Result<Value, Failed> {
        Ok(self.value())
    }
}

impl SerializeStructVariant for Variant<Members<'_>> {
    type Ok = Value;
    type Error = Failed;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Failed> {
        self.inner.add(key, value)
    }

    fn end(self) -> Result<Value, Failed> {
        Ok(one(self.name, self.inner.value()))
    }
}
