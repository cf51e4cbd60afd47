//! Patterns: globs, compiled, with the text that they were made of.

use globset::{GlobBuilder, GlobMatcher};

/// Characters with a meaning in a glob.
const WILDCARDS: [char; 6] = ['*', '?', '[', ']', '{', '}'];

/// A compiled glob of the configuration.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    glob: GlobMatcher,
}

/// The texts that a pattern matches, where few words say it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PatternShape {
    /// Exactly this text.
    Text(String),
    /// Every text that begins with this one.
    Prefix(String),
    /// Anything else.
    Other,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.glob.glob() == other.glob.glob()
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Compiles a glob. With `path`, `*` and `?` stay within a folder; `**` never does.
    ///
    /// # Errors
    /// Fails if the text is no glob.
    pub fn new(text: &str, path: bool) -> Result<Self, String> {
        let built = GlobBuilder::new(text).literal_separator(path).build();
        let glob = built.map_err(|error| error.to_string())?.compile_matcher();
        Ok(Self { text: text.to_owned(), glob })
    }

    /// Compiles a text without wildcards.
    ///
    /// # Errors
    /// Fails if the text is too long for the compiler of globs.
    pub fn plain(text: &str) -> Result<Self, String> {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if c == '\\' || WILDCARDS.contains(&c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        Self::new(&escaped, true)
    }

    /// Returns the text as the configuration has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.glob.is_match(text)
    }

    /// Returns what the pattern matches, for those who compare bytes alone.
    #[must_use]
    pub fn shape(&self) -> PatternShape {
        let (mut plain, mut rest) = (String::new(), self.text.chars());
        while let Some(next) = rest.next() {
            match next {
                '\\' => plain.extend(rest.next()),
                '*' if rest.as_str().is_empty() => return PatternShape::Prefix(plain),
                next if WILDCARDS.contains(&next) => return PatternShape::Other,
                next => plain.push(next),
            }
        }
        PatternShape::Text(plain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shape_says_what_the_glob_matches() {
        let shape = |text| Pattern::new(text, false).unwrap().shape();
        let (text, prefix) =
            (|t: &str| PatternShape::Text(t.into()), |t: &str| PatternShape::Prefix(t.into()));
        assert_eq!(shape("run"), text("run"));
        assert_eq!(shape("*"), prefix(""));
        assert_eq!(shape("-o*"), prefix("-o"));
        assert_eq!(shape(r"a\*"), text("a*"));
        assert_eq!(shape(r"\[x"), text("[x"));
        for other in ["a*b", "**", "a?", "[ab]", "[!a]", "[a]", "{a,b}"] {
            assert_eq!(shape(other), PatternShape::Other, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_text_taken_literally_matches_itself_alone(text in "[a-z*?\\[\\]{}!^\\\\/,-]{0,12}", other in "[a-z*\\\\]{0,12}") {
            let pattern = Pattern::plain(&text).unwrap();
            prop_assert!(pattern.matches(&text), "{}", pattern.text());
            prop_assert_eq!(pattern.matches(&other), text == other);
            prop_assert_eq!(pattern.shape(), PatternShape::Text(text));
        }

        #[test]
        fn a_glob_without_wildcards_matches_its_own_text_alone(
            text in "/[a-z/._-]{0,30}", other in "/[a-z/._-]{0,30}",
        ) {
            let pattern = Pattern::new(&text, true).unwrap();
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&other), text == other);
        }

        #[test]
        fn two_stars_take_everything_below(below in "[a-z]{1,8}(/[a-z]{1,8}){0,5}") {
            let (all, one) = (Pattern::new("/srv/**", true).unwrap(), Pattern::new("/srv/*", true).unwrap());
            let path = format!("/srv/{below}");
            prop_assert!(all.matches(&path));
            prop_assert_eq!(one.matches(&path), !below.contains('/'));
        }
    }
}
