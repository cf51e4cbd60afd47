//! `bundle`: arbitrary archives of policies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;

use proptest::{collection::vec, prelude::*, test_runner::Config};

/// Pieces of the files in a bundle.
const PIECES: [&str; 24] = [
    "package ",
    "p",
    "a.b",
    "[\"c\"]",
    "\n",
    "#",
    "{",
    "}",
    "[",
    "]",
    "\"a\": 1",
    ",",
    "a: &x [1]\n",
    "b: *x\n",
    "- ",
    "\"roots\": [\"a\"]",
    "\"rego_version\": 0",
    "\"file_rego_versions\": {\"*\": 1}",
    "\"signatures\": [\"eyJhbGciOiJIUzI1NiJ9.e30.AA\"]",
    "\u{2028}",
    "\x1b",
    "1e999",
    "null",
    "0755",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(proptest::sample::select(&PIECES[..]), 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Generates an entry for [`check::any`].
fn entry() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), prop_oneof![text(), vec(any::<u8>(), 0..64)]).prop_map(|(what, content)| {
        let len = u16::try_from(content.len()).unwrap().to_le_bytes();
        [&[what], &len[..], &content].concat()
    })
}

proptest! {
    #![proptest_config(Config { cases: 4000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_bytes_are_refused_or_a_bundle(bytes in vec(any::<u8>(), 0..2048)) {
        check::any(&bytes);
    }

    #[test]
    fn any_files_are_refused_or_a_bundle(kind in prop_oneof![Just(3_u8), Just(7)], entries in vec(entry(), 0..6)) {
        check::any(&[vec![kind], entries.concat()].concat());
    }

    #[test]
    fn a_good_archive_with_some_bytes_changed_is_refused_or_a_bundle(
        changes in vec((0_usize..3072, any::<u8>()), 1..6),
        kind in 0_u8..3,
    ) {
        let mut bytes = check_archive();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.insert(0, kind);
        check::any(&bytes);
    }
}

/// Builds an archive with a manifest, a module and data.
fn check_archive() -> Vec<u8> {
    let entry = |what: u8, text: &str| {
        let len = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&[what], &len[..], text.as_bytes()].concat()
    };
    check::built(
        &[entry(3, "{\"roots\": [\"a\"]}"), entry(0, "package a\n"), entry(2, "x: [1, 2]\n")].concat(),
    )
}

#[test]
fn what_the_properties_start_from_is_a_bundle() {
    let bytes = check_archive();
    let bundle = tracego_policy::bundle::load_tar("b", &*bytes, &Default::default()).unwrap();
    assert_eq!((bundle.modules.len(), bundle.data), (1, serde_json::json!({"a": {"x": [1, 2]}})));
}
