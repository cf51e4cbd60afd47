//! Tests of the walk, with a visitor that writes down each call.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Serialize, ser::SerializeMap as _};
use serde_json::json;

use super::*;
use crate::record::frozen::Frozen;

/// Visitor that writes a line for each call, and skips parts by their path.
#[derive(Default)]
struct Protocol {
    lines: String,
    skipped: &'static [&'static str],
}

impl Protocol {
    fn line(&mut self, path: &str, what: impl std::fmt::Debug) {
        writeln!(self.lines, "{path} {what:?}").unwrap();
    }

    fn part<T: Serialize + ?Sized>(&mut self, path: String, value: &T) -> Result<(), serde_json::Error> {
        if self.skipped.contains(&path.as_str()) {
            return Ok(());
        }
        walk(value, path, self)
    }
}

impl Visitor for Protocol {
    type Place = String;
    /// Path of the array, and the number of its next item.
    type Array = (String, usize);
    type Object = String;
    type Error = serde_json::Error;

    fn scalar(&mut self, path: String, value: Scalar<'_>) -> Result<(), serde_json::Error> {
        self.line(&path, value);
        Ok(())
    }

    fn begin_array(&mut self, path: String) -> Result<Self::Array, serde_json::Error> {
        self.line(&path, '[');
        Ok((path, 0))
    }

    fn item<T: Serialize + ?Sized>(
        &mut self,
        (path, number): &mut Self::Array,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        *number += 1;
        self.part(format!("{path}/{}", *number - 1), value)
    }

    fn end_array(&mut self, (path, _): Self::Array) -> Result<(), serde_json::Error> {
        self.line(&path, ']');
        Ok(())
    }

    fn begin_object(&mut self, path: String) -> Result<String, serde_json::Error> {
        self.line(&path, '{');
        Ok(path)
    }

    fn member<T: Serialize + ?Sized>(
        &mut self,
        path: &mut String,
        name: &str,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        self.part(format!("{path}/{name}"), value)
    }

    fn end_object(&mut self, path: String) -> Result<(), serde_json::Error> {
        self.line(&path, '}');
        Ok(())
    }
}

fn lines<T: Serialize + ?Sized>(value: &T, skipped: &'static [&'static str]) -> Vec<String> {
    let mut protocol = Protocol { skipped, ..Protocol::default() };
    walk(value, String::new(), &mut protocol).unwrap();
    protocol.lines.lines().map(|line| line.trim_start().to_owned()).collect()
}

fn error<T: Serialize + ?Sized>(value: &T) -> String {
    walk(value, String::new(), &mut Protocol::default()).unwrap_err().to_string()
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Newtype(u8);

#[derive(Serialize)]
struct Pair(u8, i8);

#[derive(Serialize)]
enum Choice {
    Plain,
    Around(u8),
    Tuple(u8, u8),
    Struct { a: u8 },
}

#[derive(Serialize)]
struct Inner {
    x: u8,
}

#[derive(Serialize)]
struct Outer {
    first: u8,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    absent: Option<Inner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    some: Option<u8>,
    null: Option<u8>,
}

#[test]
fn scalars_keep_their_value_and_sign() {
    assert_eq!(lines(&true, &[]), ["Bool(true)"]);
    assert_eq!(lines(&i64::MIN, &[]), ["Signed(-9223372036854775808)"]);
    assert_eq!(lines(&7_i64, &[]), ["Signed(7)"]);
    assert_eq!(lines(&-1_i8, &[]), ["Signed(-1)"]);
    assert_eq!(lines(&-2_i16, &[]), ["Signed(-2)"]);
    assert_eq!(lines(&-3_i32, &[]), ["Signed(-3)"]);
    assert_eq!(lines(&4_u8, &[]), ["Unsigned(4)"]);
    assert_eq!(lines(&5_u16, &[]), ["Unsigned(5)"]);
    assert_eq!(lines(&6_u32, &[]), ["Unsigned(6)"]);
    assert_eq!(lines(&(i64::MAX as u64 + 1), &[]), ["Unsigned(9223372036854775808)"]);
    assert_eq!(lines(&u64::MAX, &[]), ["Unsigned(18446744073709551615)"]);
    assert_eq!(lines(&0.5_f32, &[]), ["Float(0.5)"]);
    assert_eq!(lines(&f64::MAX, &[]), [format!("Float({:?})", f64::MAX)]);
    assert_eq!(lines(&f64::NAN, &[]), ["Float(NaN)"]);
    assert_eq!(lines(&'ü', &[]), ["Text(\"ü\")"]);
    assert_eq!(lines("a b", &[]), ["Text(\"a b\")"]);
    assert_eq!(lines(&Choice::Plain, &[]), ["Text(\"Plain\")"]);
    assert_eq!(lines(&Newtype(1), &[]), ["Unsigned(1)"]);
    assert_eq!(lines(&Some(1_u8), &[]), ["Unsigned(1)"]);
    assert_eq!([lines(&None::<u8>, &[]), lines(&(), &[]), lines(&Unit, &[])], [["Null"]; 3]);
}

#[test]
fn absent_members_are_not_visited_and_flattened_ones_are_at_their_place() {
    let value =
        Outer { first: 1, inner: Inner { x: 2 }, absent: None, none: None, some: Some(3), null: None };
    let wanted = ["'{'", "/first Unsigned(1)", "/x Unsigned(2)", "/some Unsigned(3)", "/null Null", "'}'"];
    assert_eq!(lines(&value, &[]), wanted);
}

#[test]
fn arrays_in_arrays_are_in_order() {
    let wanted = [
        "'['",
        "/0 '['",
        "/0/0 Unsigned(1)",
        "/0/1 '['",
        "/0/1 ']'",
        "/0 ']'",
        "/1 '{'",
        "/1/a '['",
        "/1/a/0 Null",
        "/1/a ']'",
        "/1 '}'",
        "/2 Unsigned(2)",
        "']'",
    ];
    assert_eq!(lines(&json!([[1, []], { "a": [null] }, 2]), &[]), wanted);
    assert_eq!(lines(&(1_u8, "a"), &[]), ["'['", "/0 Unsigned(1)", "/1 Text(\"a\")", "']'"]);
    assert_eq!(lines(&Pair(1, 2), &[]), ["'['", "/0 Unsigned(1)", "/1 Signed(2)", "']'"]);
}

#[test]
fn a_skipped_part_is_not_visited_with_all_below_it() {
    let value = json!({ "a": { "b": [1, { "c": 2 }], "d": 3 }, "e": [4, [5], 6] });
    let whole = lines(&value, &[]);
    let rest = lines(&value, &["/a/b", "/e/1"]);
    let wanted: Vec<_> =
        whole.into_iter().filter(|line| !line.starts_with("/a/b") && !line.starts_with("/e/1")).collect();
    assert_eq!(rest, wanted);
    assert!(rest.contains(&"/a/d Unsigned(3)".to_owned()) && rest.contains(&"/e/2 Unsigned(6)".to_owned()));
    assert_eq!(lines(&value, &["/a", "/e"]), ["'{'", "'}'"]);
    /// Value that cannot be serialised.
    struct Never;
    impl Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    assert_eq!(lines(&BTreeMap::from([("a", Never)]), &["/a"]), ["'{'", "'}'"]);
    assert_eq!(error(&BTreeMap::from([("a", Never)])), "never");
}

#[test]
fn names_are_as_they_are_and_integers_are_texts() {
    assert_eq!(
        lines(&json!({ "a.b": { "": 1 } }), &[]),
        ["'{'", "/a.b '{'", "/a.b/ Unsigned(1)", "/a.b '}'", "'}'"]
    );
    assert_eq!(lines(&BTreeMap::from([(-7, ())]), &[]), ["'{'", "/-7 Null", "'}'"]);
    assert_eq!(lines(&BTreeMap::from([(u64::MAX, ())]), &[]), ["'{'", "/18446744073709551615 Null", "'}'"]);
    assert_eq!(lines(&BTreeMap::from([(Some('ü'), ())]), &[]), ["'{'", "/ü Null", "'}'"]);
    assert_eq!(lines(&BTreeMap::from([(true, ())]), &[]), ["'{'", "/true Null", "'}'"]);
    for wrong in [error(&BTreeMap::from([((), ())])), error(&BTreeMap::from([(vec![1], ())]))] {
        assert_eq!(wrong, "the name of a member is not a text");
    }
}

#[test]
fn a_name_may_be_given_apart_from_its_value() {
    struct Apart;
    impl Serialize for Apart {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_key("a")?;
            map.serialize_value(&BTreeMap::from([("b", 1_u8)]))?;
            map.serialize_key(&2)?;
            map.serialize_value(&3_u8)?;
            map.end()
        }
    }
    let wanted = ["'{'", "/a '{'", "/a/b Unsigned(1)", "/a '}'", "/2 Unsigned(3)", "'}'"];
    assert_eq!(lines(&Apart, &[]), wanted);
}

#[test]
fn what_keeps_its_json_is_walked() {
    let frozen = Frozen::from(BTreeMap::from([("a", 1_u8)]));
    serde_json::to_string(&frozen).unwrap();
    assert_eq!(lines(&frozen, &[]), lines(&*frozen, &[]));
}

#[test]
fn variants_are_objects_with_one_member_or_refused() {
    assert_eq!(lines(&Choice::Around(1), &[]), ["'{'", "/Around Unsigned(1)", "'}'"]);
    assert_eq!(lines(&Choice::Around(1), &["/Around"]), ["'{'", "'}'"]);
    assert_eq!(error(&Choice::Tuple(1, 2)), "a tuple variant cannot be walked");
    assert_eq!(error(&Choice::Struct { a: 1 }), "a struct variant cannot be walked");
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(b"a")
        }
    }
    assert_eq!(error(&Bytes), "bytes cannot be walked");
}

#[test]
fn the_members_of_an_object_are_visited_and_nothing_else_has_members() {
    #[derive(Default)]
    struct Collected(Vec<(String, serde_json::Value)>);
    impl MemberVisitor for Collected {
        type Error = serde_json::Error;

        fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), serde_json::Error> {
            self.0.push((name.to_owned(), serde_json::to_value(value)?));
            Ok(())
        }
    }
    let mut collected = Collected::default();
    walk_members(&json!({ "a": { "b": 1 }, "c": [2] }), &mut collected).unwrap();
    assert_eq!(collected.0, [("a".to_owned(), json!({ "b": 1 })), ("c".to_owned(), json!([2]))]);
    for value in [json!(1), json!(null), json!([{ "a": 1 }])] {
        let error = walk_members(&value, &mut Collected::default()).unwrap_err();
        assert_eq!(error.to_string(), "only an object has members", "{value}");
    }
}
