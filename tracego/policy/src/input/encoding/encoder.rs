//! Encoding of serialisable values, limited to the members that policies read.

use serde::Serialize;
use tracego_model::walk::{Scalar, Visitor, walk};

use super::{super::Projection, EncodingError, tag};

/// A visitor that appends one value. The place of a value is the part of it that policies read.
pub(super) struct Encoder<'a> {
    pub(super) into: &'a mut Vec<u8>,
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

/// Appends a signed integer.
pub(super) fn signed(number: i64, into: &mut Vec<u8>) {
    tagged(tag::SIGNED, number.to_le_bytes(), into);
}

fn tagged(tag: u8, number: [u8; 8], into: &mut Vec<u8>) {
    into.push(tag);
    into.extend_from_slice(&number);
}

impl<'p> Visitor for Encoder<'p> {
    type Place = &'p Projection;
    type Array = &'p Projection;
    type Object = &'p Projection;
    type Error = EncodingError;

    // The kind is known where a value is serialised. Without inlining, an input takes a tenth more instructions.
    #[inline(always)]
    fn scalar(&mut self, _: &Projection, value: Scalar<'_>) -> Result<(), EncodingError> {
        match value {
            Scalar::Null => self.into.push(tag::NULL),
            Scalar::Bool(value) => self.into.push(if value { tag::TRUE } else { tag::FALSE }),
            Scalar::Signed(value) => signed(value, self.into),
            Scalar::Unsigned(value) => tagged(tag::UNSIGNED, value.to_le_bytes(), self.into),
            Scalar::Float(value) => tagged(tag::FLOAT, value.to_le_bytes(), self.into),
            Scalar::Text(value) => text(value, self.into)?,
        }
        Ok(())
    }

    fn begin_array(&mut self, projection: &'p Projection) -> Result<&'p Projection, EncodingError> {
        self.into.push(tag::ARRAY);
        Ok(projection)
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(
        &mut self,
        projection: &mut &'p Projection,
        value: &T,
    ) -> Result<(), EncodingError> {
        walk(value, *projection, self)
    }

    fn end_array(&mut self, _: &Projection) -> Result<(), EncodingError> {
        self.into.push(tag::END);
        Ok(())
    }

    fn begin_object(&mut self, projection: &'p Projection) -> Result<&'p Projection, EncodingError> {
        self.into.push(tag::OBJECT);
        Ok(projection)
    }

    #[inline]
    fn member<T: Serialize + ?Sized>(
        &mut self,
        projection: &mut &'p Projection,
        name: &str,
        value: &T,
    ) -> Result<(), EncodingError> {
        let Some(projection) = projection.member(name) else { return Ok(()) };
        text(name, self.into)?;
        walk(value, projection, self)
    }

    fn end_object(&mut self, _: &Projection) -> Result<(), EncodingError> {
        self.into.push(tag::END);
        Ok(())
    }
}
