//! Encoding of the names of members.

use serde::{Serialize, Serializer, ser::Impossible};

use super::{super::Projection, EncodingError, encoder::text};

/// A serialiser that writes a name if policies read its member, and returns the part of the member that they
/// read. Names in JSON are texts; serde_json accepts numbers and writes them as texts.
pub(super) struct NameEncoder<'a, 'b> {
    pub(super) projection: &'a Projection,
    pub(super) into: &'b mut Vec<u8>,
}

macro_rules! keys {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, key: $type) -> Result<Option<&'a Projection>, EncodingError> {
            self.serialize_str(&key.to_string())
        })*
    };
}

macro_rules! no_keys {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, EncodingError> {
            Err(EncodingError("the name of a member is not a text".to_owned()))
        })*
    };
}

type Never<'a> = Impossible<Option<&'a Projection>, EncodingError>;

impl<'a> Serializer for NameEncoder<'a, '_> {
    type Ok = Option<&'a Projection>;
    type Error = EncodingError;
    type SerializeSeq = Never<'a>;
    type SerializeTuple = Never<'a>;
    type SerializeTupleStruct = Never<'a>;
    type SerializeTupleVariant = Never<'a>;
    type SerializeMap = Never<'a>;
    type SerializeStruct = Never<'a>;
    type SerializeStructVariant = Never<'a>;

    keys! {
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

    fn serialize_str(self, name: &str) -> Result<Option<&'a Projection>, EncodingError> {
        let projection = self.projection.member(name);
        if projection.is_some() {
            text(name, self.into)?;
        }
        Ok(projection)
    }

    no_keys! {
        serialize_f32(f32) -> Option<&'a Projection>;
        serialize_f64(f64) -> Option<&'a Projection>;
        serialize_bytes(&[u8]) -> Option<&'a Projection>;
        serialize_none() -> Option<&'a Projection>;
        serialize_unit() -> Option<&'a Projection>;
        serialize_unit_struct(&'static str) -> Option<&'a Projection>;
        serialize_seq(Option<usize>) -> Never<'a>;
        serialize_tuple(usize) -> Never<'a>;
        serialize_tuple_struct(&'static str, usize) -> Never<'a>;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never<'a>;
        serialize_map(Option<usize>) -> Never<'a>;
        serialize_struct(&'static str, usize) -> Never<'a>;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never<'a>;
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Option<&'a Projection>, EncodingError> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<Option<&'a Projection>, EncodingError> {
        key.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        key: &T,
    ) -> Result<Option<&'a Projection>, EncodingError> {
        key.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Option<&'a Projection>, EncodingError> {
        Err(EncodingError("the name of a member is not a text".to_owned()))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
