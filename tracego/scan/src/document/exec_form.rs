//! Commands as JSON arrays.

use crate::{text::Text, word::Word};

/// Returns the words of a command in exec form, such as `["go", "run", "."]`. Returns `None` for any other text.
pub(super) fn words(text: &Text) -> Option<Vec<Word>> {
    let trimmed = text.to_str();
    let trimmed = trimmed.trim();
    if !trimmed.starts_with('[') {
        return None;
    }
    let values: Vec<String> = serde_json::from_str(trimmed).ok()?;
    let mut position = memchr::memchr(b'[', text.bytes())? + 1;
    let mut words = Vec::new();
    for value in values {
        let start = position + memchr::memchr(b'"', text.bytes().get(position..)?)?;
        let mut end = start + 1;
        while let Some(byte) = text.get(end).filter(|byte| *byte != b'"') {
            end += if byte == b'\\' { 2 } else { 1 };
        }
        let source = text.slice(start + 1..end.min(text.len()));
        let text =
            if source.bytes() == value.as_bytes() { source } else { Text::at(source.place(0), &value) };
        words.push(Word { text, is_quoted: true, ..Word::default() });
        position = end + 1;
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_an_array_have_their_places() {
        let file = br#" [ "go", "run",  "a\"b" ]"#;
        let found = words(&Text::part(file, 0..file.len())).unwrap();
        let values: Vec<(String, u32)> =
            found.iter().map(|word| (word.value(), word.text.place(0))).collect();
        assert_eq!(values, [("go".into(), 4), ("run".into(), 10), ("a\"b".into(), 18)]);
        assert!(words(&Text::at(0, "go run .")).is_none() && words(&Text::at(0, "[go]")).is_none());
    }
}
