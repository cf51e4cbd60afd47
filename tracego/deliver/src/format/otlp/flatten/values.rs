//! Mapping of each type of a value: the part of the walk that serde calls.

use serde::{
    Serialize, Serializer,
    de::value::Error,
    ser::{self, Error as _},
};

use super::{
    AttributeSerializer, AttributeWriter, KeyValuePlace, ValueRole,
    nested::{List, Map},
};

impl<'a, O: AttributeWriter> Serializer for AttributeSerializer<'a, O> {
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
        if self.role == ValueRole::Key {
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
            ValueRole::Key => return Err(Error::custom("a map key is not a text")),
            ValueRole::Attribute if self.hidden() => (None, None),
            ValueRole::Attribute => {
                let entry = self.out.begin_entry(self.key, KeyValuePlace::Attribute);
                (Some(entry), Some(self.out.begin_list()))
            }
            ValueRole::Value => (None, Some(self.out.begin_list())),
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
            ValueRole::Key => return Err(Error::custom("a map key is not a text")),
            ValueRole::Attribute => None,
            ValueRole::Value => Some(self.out.begin_map()),
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
