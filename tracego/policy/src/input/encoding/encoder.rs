//! Encoding of serialisable values, limited to the members that policies read.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{super::Projection, EncodingError, name::NameEncoder, tag};

/// A serialiser that appends one value.
pub(super) struct ValueEncoder<'a> {
    pub(super) projection: &'a Projection,
    pub(super) into: &'a mut Vec<u8>,
}

/// A serialiser for the items of an array or the members of an object, one after another.
pub(super) struct ContainerEncoder<'a> {
    projection: &'a Projection,
    into: &'a mut Vec<u8>,
    /// Part to write of the member whose name was written last.
    member: Option<&'a Projection>,
    /// Whether the parts are those of an enum's variant.
    variant: bool,
}

/// Appends a text or the name of a member.
pub(super) fn text(text: &str, into: &mut Vec<u8>) -> Result<(), EncodingError> {
    let length =
        u32::try_from(text.len()).map_err(|_| EncodingError("a text of more than 4 GiB".to_owned()))?;
    into.reserve(1 + size_of_val(&length) + text.len());
    into.push(tag::TEXT);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(text.as_bytes());
    Ok(())
}

pub(super) fn unsigned(number: u64, into: &mut Vec<u8>) {
    into.push(tag::UNSIGNED);
    into.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn signed(number: i64, into: &mut Vec<u8>) {
    into.push(tag::SIGNED);
    into.extend_from_slice(&number.to_le_bytes());
}

macro_rules! numbers {
    ($($method:ident($type:ty) as $write:ident;)*) => {
        $(fn $method(self, value: $type) -> Result<(), EncodingError> {
            $write(value.into(), self.into);
            Ok(())
        })*
    };
}

impl<'a> ValueEncoder<'a> {
    fn parts(self, tag: u8) -> ContainerEncoder<'a> {
        self.into.push(tag);
        ContainerEncoder { projection: self.projection, into: self.into, member: None, variant: false }
    }

    /// Begins an enum's variant, which is an object around its content.
    fn variant(self, name: &str, tag: u8) -> Result<ContainerEncoder<'a>, EncodingError> {
        self.into.push(tag::OBJECT);
        text(name, self.into)?;
        let projection = self.projection.member(name).unwrap_or(Projection::NOTHING);
        Ok(ContainerEncoder { variant: true, ..ValueEncoder { projection, into: self.into }.parts(tag) })
    }
}

impl<'a> Serializer for ValueEncoder<'a> {
    type Ok = ();
    type Error = EncodingError;
    type SerializeSeq = ContainerEncoder<'a>;
    type SerializeTuple = ContainerEncoder<'a>;
    type SerializeTupleStruct = ContainerEncoder<'a>;
    type SerializeTupleVariant = ContainerEncoder<'a>;
    type SerializeMap = ContainerEncoder<'a>;
    type SerializeStruct = ContainerEncoder<'a>;
    type SerializeStructVariant = ContainerEncoder<'a>;

    numbers! {
        serialize_i8(i8) as signed;
        serialize_i16(i16) as signed;
        serialize_i32(i32) as signed;
        serialize_i64(i64) as signed;
        serialize_u8(u8) as unsigned;
        serialize_u16(u16) as unsigned;
        serialize_u32(u32) as unsigned;
        serialize_u64(u64) as unsigned;
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodingError> {
        self.into.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodingError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodingError> {
        self.into.push(tag::FLOAT);
        self.into.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodingError> {
        text(value.encode_utf8(&mut [0; 4]), self.into)
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodingError> {
        text(value, self.into)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), EncodingError> {
        Err(EncodingError("bytes cannot be written as JSON".to_owned()))
    }

    fn serialize_none(self) -> Result<(), EncodingError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodingError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodingError> {
        self.into.push(tag::NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodingError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodingError> {
        text(variant, self.into)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodingError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodingError> {
        let mut object = self.parts(tag::OBJECT);
        object.member(variant, value)?;
        object.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ContainerEncoder<'a>, EncodingError> {
        Ok(self.parts(tag::ARRAY))
    }

    fn serialize_tuple(self, _: usize) -> Result<ContainerEncoder<'a>, EncodingError> {
        Ok(self.parts(tag::ARRAY))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<ContainerEncoder<'a>, EncodingError> {
        Ok(self.parts(tag::ARRAY))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ContainerEncoder<'a>, EncodingError> {
        self.variant(variant, tag::ARRAY)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<ContainerEncoder<'a>, EncodingError> {
        Ok(self.parts(tag::OBJECT))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<ContainerEncoder<'a>, EncodingError> {
        Ok(self.parts(tag::OBJECT))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ContainerEncoder<'a>, EncodingError> {
        self.variant(variant, tag::OBJECT)
    }

    /// Returns false: values that keep their JSON then serialise themselves instead (see `enrich::frozen`).
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl ContainerEncoder<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodingError> {
        value.serialize(ValueEncoder { projection: self.projection, into: self.into })
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodingError> {
        let Some(projection) = self.projection.member(name) else { return Ok(()) };
        text(name, self.into)?;
        value.serialize(ValueEncoder { projection, into: self.into })
    }

    fn finish(self) -> Result<(), EncodingError> {
        self.into.push(tag::END);
        if self.variant {
            self.into.push(tag::END);
        }
        Ok(())
    }
}

macro_rules! parts {
    ($($trait:ident $method:ident($($name:ident)?) as $write:ident;)*) => {
        $(impl $trait for ContainerEncoder<'_> {
            type Ok = ();
            type Error = EncodingError;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Result<(), EncodingError> {
                self.$write($($name,)? value)
            }

            fn end(self) -> Result<(), EncodingError> {
                self.finish()
            }
        })*
    };
}

parts! {
    SerializeSeq serialize_element() as item;
    SerializeTuple serialize_element() as item;
    SerializeTupleStruct serialize_field() as item;
    SerializeTupleVariant serialize_field() as item;
    SerializeStruct serialize_field(name) as member;
    SerializeStructVariant serialize_field(name) as member;
}

impl SerializeMap for ContainerEncoder<'_> {
    type Ok = ();
    type Error = EncodingError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodingError> {
        self.member = key.serialize(NameEncoder { projection: self.projection, into: self.into })?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodingError> {
        match self.member.take() {
            Some(projection) => value.serialize(ValueEncoder { projection, into: self.into }),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<(), EncodingError> {
        self.finish()
    }
}
