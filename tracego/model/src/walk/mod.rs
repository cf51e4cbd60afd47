//! The walk over a serialisable value, such as a record: each scalar, array and object once, in the order of
//! the source.
//!
//! A [`Visitor`] says what becomes of each. It gets the parts of arrays and objects as values that it may
//! walk further, skip, or serialise in another way. What it knows about the place of a value, such as the
//! names above it, is passed down as [`Visitor::Place`].

mod member;
mod name;
mod serializer;
#[cfg(test)]
mod tests;

use serde::{Serialize, ser};

pub use member::{MemberVisitor, walk_members};

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// An absent value that is written nevertheless.
    Null,
    /// True or false.
    Bool(bool),
    /// A number of a signed type, whatever its sign.
    Signed(i64),
    /// A number of an unsigned type.
    Unsigned(u64),
    /// A number with a fraction.
    Float(f64),
    /// A text, or the name of an enum's variant.
    Text(&'a str),
}

/// The actions for the kinds of values. Every kind has to be handled, so a new one cannot be forgotten.
pub trait Visitor: Sized {
    /// Facts about a value before it is visited.
    type Place;
    /// State of an array between its items.
    type Array;
    /// State of an object between its members.
    type Object;
    /// Reason why a walk ends early.
    type Error: ser::Error;

    /// Visits a value without parts.
    ///
    /// # Errors
    /// Fails if the value is not accepted.
    fn scalar(&mut self, place: Self::Place, value: Scalar<'_>) -> Result<(), Self::Error>;

    /// Begins an array.
    ///
    /// # Errors
    /// Fails if arrays are not accepted.
    fn begin_array(&mut self, place: Self::Place) -> Result<Self::Array, Self::Error>;

    /// Visits an item of an array: calls [`walk`] for its value, or skips it.
    ///
    /// # Errors
    /// Fails if the item is not accepted.
    fn item<T: Serialize + ?Sized>(&mut self, array: &mut Self::Array, value: &T) -> Result<(), Self::Error>;

    /// Ends an array, after all items.
    ///
    /// # Errors
    /// Fails if the array is not accepted.
    fn end_array(&mut self, array: Self::Array) -> Result<(), Self::Error>;

    /// Begins an object.
    ///
    /// # Errors
    /// Fails if objects are not accepted.
    fn begin_object(&mut self, place: Self::Place) -> Result<Self::Object, Self::Error>;

    /// Visits a member of an object: calls [`walk`] for its value, or skips it.
    ///
    /// # Errors
    /// Fails if the member is not accepted.
    fn member<T: Serialize + ?Sized>(
        &mut self,
        object: &mut Self::Object,
        name: &str,
        value: &T,
    ) -> Result<(), Self::Error>;

    /// Ends an object, after all members.
    ///
    /// # Errors
    /// Fails if the object is not accepted.
    fn end_object(&mut self, object: Self::Object) -> Result<(), Self::Error>;
}

/// Walks a value. Values that keep their JSON (see [`crate::record::frozen`]) are walked like all others.
///
/// # Errors
/// Fails if the visitor does, or if the value holds bytes, an integer of 128 bits, a tuple or struct variant,
/// or a map key that is neither a text nor an integer.
pub fn walk<V: Visitor, T: Serialize + ?Sized>(
    value: &T,
    place: V::Place,
    visitor: &mut V,
) -> Result<(), V::Error> {
    value.serialize(serializer::ValueWalker { visitor, place })
}
