//! Serialiser that calls a visitor.

use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
        SerializeTupleStruct,
    },
};

use super::{Scalar, Visitor, name::NameSerializer};

/// Serialiser of one value.
pub(super) struct ValueWalker<'v, V: Visitor> {
    pub(super) visitor: &'v mut V,
    pub(super) place: V::Place,
}

/// Defines the methods for values without parts.
macro_rules! scalars {
    ($($method:ident($value:ident: $type:ty) => $scalar:expr;)*) => {
        $(fn $method(self, $value: $type) -> Result<(), V::Error> {
            self.visitor.scalar(self.place, $scalar)
        })*
    };
}

impl<'v, V: Visitor> Serializer for ValueWalker<'v, V> {
    type Ok = ();
    type Error = V::Error;
    type SerializeSeq = ArrayWalker<'v, V>;
    type SerializeTuple = ArrayWalker<'v, V>;
    type SerializeTupleStruct = ArrayWalker<'v, V>;
    type SerializeTupleVariant = Impossible<(), V::Error>;
    type SerializeMap = ObjectWalker<'v, V>;
    type SerializeStruct = ObjectWalker<'v, V>;
    type SerializeStructVariant = Impossible<(), V::Error>;

    scalars! {
        serialize_bool(value: bool) => Scalar::Bool(value);
        serialize_i8(value: i8) => Scalar::Signed(value.into());
        serialize_i16(value: i16) => Scalar::Signed(value.into());
        serialize_i32(value: i32) => Scalar::Signed(value.into());
        serialize_i64(value: i64) => Scalar::Signed(value);
        serialize_u8(value: u8) => Scalar::Unsigned(value.into());
        serialize_u16(value: u16) => Scalar::Unsigned(value.into());
        serialize_u32(value: u32) => Scalar::Unsigned(value.into());
        serialize_u64(value: u64) => Scalar::Unsigned(value);
        serialize_f32(value: f32) => Scalar::Float(value.into());
        serialize_f64(value: f64) => Scalar::Float(value);
        serialize_char(value: char) => Scalar::Text(value.encode_utf8(&mut [0; 4]));
        serialize_str(value: &str) => Scalar::Text(value);
        serialize_unit_struct(_name: &'static str) => Scalar::Null;
    }

    fn serialize_none(self) -> Result<(), V::Error> {
        self.visitor.scalar(self.place, Scalar::Null)
    }

    fn serialize_unit(self) -> Result<(), V::Error> {
        self.visitor.scalar(self.place, Scalar::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), V::Error> {
        self.visitor.scalar(self.place, Scalar::Text(name))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), V::Error> {
        Err(V::Error::custom("bytes cannot be walked"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), V::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), V::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), V::Error> {
        let mut object = self.visitor.begin_object(self.place)?;
        self.visitor.member(&mut object, name, value)?;
        self.visitor.end_object(object)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ArrayWalker<'v, V>, V::Error> {
        let array = self.visitor.begin_array(self.place)?;
        Ok(ArrayWalker { visitor: self.visitor, array })
    }

    fn serialize_tuple(self, len: usize) -> Result<ArrayWalker<'v, V>, V::Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<ArrayWalker<'v, V>, V::Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, V::Error> {
        Err(V::Error::custom("a tuple variant cannot be walked"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<ObjectWalker<'v, V>, V::Error> {
        let object = self.visitor.begin_object(self.place)?;
        Ok(ObjectWalker { visitor: self.visitor, object, name: String::new() })
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<ObjectWalker<'v, V>, V::Error> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, V::Error> {
        Err(V::Error::custom("a struct variant cannot be walked"))
    }

    /// Returns false: values that keep their JSON then serialise themselves instead.
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Serialiser of the items of an array.
pub(super) struct ArrayWalker<'v, V: Visitor> {
    visitor: &'v mut V,
    array: V::Array,
}

/// Implements the traits for what is an array in JSON.
macro_rules! arrays {
    ($($trait:ident $method:ident;)*) => {
        $(impl<V: Visitor> $trait for ArrayWalker<'_, V> {
            type Ok = ();
            type Error = V::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), V::Error> {
                self.visitor.item(&mut self.array, value)
            }

            fn end(self) -> Result<(), V::Error> {
                self.visitor.end_array(self.array)
            }
        })*
    };
}

arrays! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}

/// Serialiser of the members of an object.
pub(super) struct ObjectWalker<'v, V: Visitor> {
    visitor: &'v mut V,
    object: V::Object,
    /// Name of the next member, if it is given apart from its value.
    name: String,
}

impl<V: Visitor> SerializeStruct for ObjectWalker<'_, V> {
    type Ok = ();
    type Error = V::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), V::Error> {
        self.visitor.member(&mut self.object, name, value)
    }

    fn end(self) -> Result<(), V::Error> {
        self.visitor.end_object(self.object)
    }
}

impl<V: Visitor> SerializeMap for ObjectWalker<'_, V> {
    type Ok = ();
    type Error = V::Error;

    fn serialize_entry<K: Serialize + ?Sized, T: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &T,
    ) -> Result<(), V::Error> {
        key.serialize(NameSerializer::new(|name: &str| self.visitor.member(&mut self.object, name, value)))
    }

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), V::Error> {
        self.name.clear();
        key.serialize(NameSerializer::new(|name: &str| {
            self.name.push_str(name);
            Ok(())
        }))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), V::Error> {
        self.visitor.member(&mut self.object, &self.name, value)
    }

    fn end(self) -> Result<(), V::Error> {
        self.visitor.end_object(self.object)
    }
}
