//! `text`: conversion loses no byte, and a line stays one line.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::{collection::vec, prelude::*};
use tracego_model::{
    record::Completeness,
    text::{comm, one_line},
};

proptest! {
    #![proptest_config(super::cases(2048))]

    #[test]
    fn bytes_can_be_got_back(bytes in prop_oneof![vec(any::<u8>(), 0..64), ".{0,32}".prop_map(String::into_bytes)]) {
        let mut completeness = Completeness::default();
        let text = completeness.keep(&bytes, "x");
        match completeness.bytes.get("x") {
            None => prop_assert_eq!(text.as_bytes(), &bytes),
            Some(base64) => {
                prop_assert_eq!(&text, &String::from_utf8_lossy(&bytes));
                prop_assert_eq!(STANDARD.decode(base64).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn a_line_holds_nothing_that_moves_the_cursor(words in vec(any::<String>(), 0..8)) {
        let line = one_line(&words);
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(!line.contains(['\u{202e}', '\u{2028}', '\u{2029}', '\u{2066}']), "{line:?}");
    }

    #[test]
    fn a_task_name_ends_at_its_first_nul(name in any::<[u8; 16]>()) {
        let text = comm(&name);
        prop_assert!(name.starts_with(text) && !text.contains(&0));
        prop_assert!(text.len() == 16 || name[text.len()] == 0);
    }
}
