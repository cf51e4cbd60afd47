//! The walk over the members of one object, without what is below them.

use std::convert::Infallible;

use serde::{Serialize, ser};

use super::{Scalar, Visitor, walk};

/// The action for each member of an object.
pub trait MemberVisitor {
    /// Reason why a walk ends early.
    type Error: ser::Error;

    /// Visits a member.
    ///
    /// # Errors
    /// Fails if the member is not accepted.
    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Self::Error>;
}

/// Visits the members of an object.
///
/// # Errors
/// Fails if the visitor does, or if the value is not an object.
pub fn walk_members<V: MemberVisitor, T: Serialize + ?Sized>(
    value: &T,
    visitor: &mut V,
) -> Result<(), V::Error> {
    walk(value, (), &mut TopLevel(visitor))
}

/// Visitor that accepts one object.
struct TopLevel<'v, V>(&'v mut V);

fn not_an_object<E: ser::Error>() -> E {
    E::custom("only an object has members")
}

impl<V: MemberVisitor> Visitor for TopLevel<'_, V> {
    type Place = ();
    type Array = Infallible;
    type Object = ();
    type Error = V::Error;

    fn scalar(&mut self, (): (), _: Scalar<'_>) -> Result<(), V::Error> {
        Err(not_an_object())
    }

    fn begin_array(&mut self, (): ()) -> Result<Infallible, V::Error> {
        Err(not_an_object())
    }

    fn item<T: Serialize + ?Sized>(&mut self, array: &mut Infallible, _: &T) -> Result<(), V::Error> {
        match *array {}
    }

    fn end_array(&mut self, array: Infallible) -> Result<(), V::Error> {
        match array {}
    }

    fn begin_object(&mut self, (): ()) -> Result<(), V::Error> {
        Ok(())
    }

    fn member<T: Serialize + ?Sized>(&mut self, (): &mut (), name: &str, value: &T) -> Result<(), V::Error> {
        self.0.member(name, value)
    }

    fn end_object(&mut self, (): ()) -> Result<(), V::Error> {
        Ok(())
    }
}
