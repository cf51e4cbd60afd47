//! One word of a command line.

use crate::text::Text;

/// A word of a command line, as far as reading alone can know it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Word {
    /// The text; a part that is not known stands as it is written, such as `$TARGET`.
    pub text: Text,
    /// Whether a part of the text is not known.
    pub has_holes: bool,
    /// Whether a part of the text comes from a variable.
    pub is_expanded: bool,
    /// Whether the word is quoted, so that it is never an operator or a keyword.
    pub is_quoted: bool,
    /// Whether the word was passed to a function, a loop or a script, so that it stands elsewhere than what surrounds it.
    pub is_passed: bool,
}

/// Names that variables for the go command have.
const GO_VARIABLES: [&str; 10] = [
    "GO",
    "GOCMD",
    "GO_CMD",
    "GO_BIN",
    "GO_BINARY",
    "GOEXE",
    "GO_EXE",
    "GOLANG",
    "GO_COMMAND",
    "GO_PATH_BIN",
];

impl Word {
    /// Returns a word whose text is known.
    #[must_use]
    pub fn known(text: Text) -> Self {
        Self { text, ..Self::default() }
    }

    /// Returns the text.
    #[must_use]
    pub fn value(&self) -> String {
        self.text.to_str().into_owned()
    }

    /// Whether the word is a text.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.text.bytes() == text.as_bytes()
    }

    /// Splits `NAME=value`. Returns `None` for any other word.
    #[must_use]
    pub fn split_at_equals(&self) -> Option<(String, Self)> {
        let equals = memchr::memchr(b'=', self.text.bytes())?;
        let name = self.text.slice(0..equals).to_str().into_owned();
        let text = self.text.slice(equals + 1..self.text.len());
        Some((name, Self { text, ..self.clone() }))
    }

    /// Returns the last part of the word as a path, without `.exe`.
    #[must_use]
    pub fn base_name(&self) -> String {
        let value = self.value();
        let name = value.rsplit(['/', '\\']).next().unwrap_or_default();
        name.strip_suffix(".exe").unwrap_or(name).to_owned()
    }

    /// Whether the word names the go command: `go`, a path to it, a version of it such as `go1.22.3`, or a variable
    /// that is called as such variables are.
    #[must_use]
    pub fn is_go_command(&self) -> bool {
        let name = self.base_name();
        let version = |rest: &str| {
            rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
                && rest.starts_with(|c: char| c.is_ascii_digit())
        };
        matches!(name.as_str(), "go" | "gotip")
            || name.strip_prefix("go").is_some_and(version)
            || self.is_go_variable()
    }

    /// Whether the word is a variable, not known, that is called as variables for the go command are.
    #[must_use]
    pub fn is_go_variable(&self) -> bool {
        let value = self.value();
        let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let name = inner.or_else(|| value.strip_prefix('$')).unwrap_or_default();
        self.has_holes && GO_VARIABLES.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_go_command_has_many_names() {
        let word = |text: &str, has_holes| Word { text: Text::at(0, text), has_holes, ..Word::default() };
        for name in
            ["go", "/usr/local/go/bin/go", "go1.22.3", "go1.27rc1", "gotip", "go.exe", "C:\\go\\bin\\go.exe"]
        {
            assert!(word(name, false).is_go_command(), "{name}");
        }
        for name in ["hugo", "gofmt", "go-run", "golangci-lint", "mango", "", "$GO"] {
            assert!(!word(name, false).is_go_command(), "{name}");
        }
        assert!(word("${GO}", true).is_go_command() && word("$GOCMD", true).is_go_command());
        assert!(word("$GOROOT/bin/go", true).is_go_command());
        assert!(!word("$X", true).is_go_command());
    }
}
