//! Lists and maps: the part of the walk for their content.

use serde::{Serialize, de::value::Error, ser};

use super::{AttributeSerializer, AttributeWriter, KeyValuePlace, ValueRole};

/// List that has begun, unless it is an attribute that is left out.
pub(super) struct List<'a, O: AttributeWriter> {
    pub(super) walk: AttributeSerializer<'a, O>,
    /// Entry of the list, if it is an attribute itself.
    pub(super) entry: Option<O::Mark>,
    /// Mark of the list; `None` if it is left out.
    pub(super) list: Option<O::Mark>,
}

impl<O: AttributeWriter> ser::SerializeSeq for List<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.list.is_none() {
            return Ok(());
        }
        let mark = self.walk.out.begin_element();
        value.serialize(self.walk.again(ValueRole::Value))?;
        self.walk.out.end_element(mark);
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        if let Some(list) = self.list {
            self.walk.out.end_list(list);
        }
        if let Some(entry) = self.entry {
            self.walk.out.end_entry(entry);
        }
        Ok(())
    }
}

impl<O: AttributeWriter> ser::SerializeTuple for List<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

impl<O: AttributeWriter> ser::SerializeTupleStruct for List<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        ser::SerializeSeq::end(self)
    }
}

/// Object: a map if it is a value, a longer name if it is an attribute.
pub(super) struct Map<'a, O: AttributeWriter> {
    pub(super) walk: AttributeSerializer<'a, O>,
    /// Mark of the map, if it is a value.
    pub(super) map: Option<O::Mark>,
    /// Length of the object's own name.
    pub(super) above: usize,
}

impl<O: AttributeWriter> Map<'_, O> {
    /// Writes a member, whose name is at the end of the current name.
    fn member<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.map.is_some() {
            let name = self.walk.key.get(self.above..).unwrap_or_default();
            let mark = self.walk.out.begin_entry(name, KeyValuePlace::Member);
            value.serialize(self.walk.again(ValueRole::Value))?;
            self.walk.out.end_entry(mark);
        } else {
            value.serialize(self.walk.again(ValueRole::Attribute))?;
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

impl<O: AttributeWriter> ser::SerializeMap for Map<'_, O> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.dot();
        key.serialize(self.walk.again(ValueRole::Key))
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

impl<O: AttributeWriter> ser::SerializeStruct for Map<'_, O> {
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
