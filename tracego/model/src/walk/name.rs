//! Names of members, from the keys of maps.

use std::marker::PhantomData;

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible},
};

/// Serialiser that passes a key on as text. Names in JSON are texts; serde_json accepts integers and writes
/// them as texts.
pub(super) struct NameSerializer<F, E> {
    take: F,
    error: PhantomData<E>,
}

impl<F: FnOnce(&str) -> Result<(), E>, E> NameSerializer<F, E> {
    /// Creates a serialiser that calls `take` with the name.
    pub(super) fn new(take: F) -> Self {
        Self { take, error: PhantomData }
    }
}

/// Defines the methods for keys that are written as texts.
macro_rules! as_text {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, key: $type) -> Result<(), E> {
            self.serialize_str(&key.to_string())
        })*
    };
}

/// Defines the methods that reject a key.
macro_rules! refuse {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, E> {
            Err(E::custom("the name of a member is not a text"))
        })*
    };
}

impl<F: FnOnce(&str) -> Result<(), E>, E: ser::Error> Serializer for NameSerializer<F, E> {
    type Ok = ();
    type Error = E;
    type SerializeSeq = Impossible<(), E>;
    type SerializeTuple = Impossible<(), E>;
    type SerializeTupleStruct = Impossible<(), E>;
    type SerializeTupleVariant = Impossible<(), E>;
    type SerializeMap = Impossible<(), E>;
    type SerializeStruct = Impossible<(), E>;
    type SerializeStructVariant = Impossible<(), E>;

    as_text! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_char(char);
    }

    refuse! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Impossible<(), E>;
        serialize_tuple(usize) -> Impossible<(), E>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), E>;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible<(), E>;
        serialize_map(Option<usize>) -> Impossible<(), E>;
        serialize_struct(&'static str, usize) -> Impossible<(), E>;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible<(), E>;
    }

    fn serialize_str(self, name: &str) -> Result<(), E> {
        (self.take)(name)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), E> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<(), E> {
        key.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, key: &T) -> Result<(), E> {
        key.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), E> {
        Err(E::custom("the name of a member is not a text"))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
