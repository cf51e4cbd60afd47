//! Names of character classes.

/// Returns a POSIX class or a Perl class as the inside of a set of ASCII characters.
pub(super) fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\t ",
        "cntrl" => r"\x00-\x1F\x7F",
        "digit" => "0-9",
        "graph" => r"!-\~",
        "lower" => "a-z",
        "print" => r" -\~",
        "punct" => r"!-/:-@\[-`\{-\~",
        "space" => r"\t\n\x0B\x0C\r ",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => return None,
    })
}

/// Returns a class of Perl by its letter, and whether it is negated.
pub(super) fn perl(letter: char) -> Option<(&'static str, bool)> {
    Some(match letter {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        's' => (r"\t\n\x0C\r ", false),
        'S' => (r"\t\n\x0C\r ", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        _ => return None,
    })
}

/// General categories that Go knows by their short names.
const CATEGORIES: [&str; 38] = [
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "LC", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl",
    "Zp", "Zs",
];

/// Scripts of what people write policies in; others are refused rather than guessed.
const SCRIPTS: [&str; 24] = [
    "Arabic",
    "Armenian",
    "Bengali",
    "Bopomofo",
    "Common",
    "Cyrillic",
    "Devanagari",
    "Ethiopic",
    "Georgian",
    "Greek",
    "Gujarati",
    "Han",
    "Hangul",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Katakana",
    "Khmer",
    "Lao",
    "Latin",
    "Mongolian",
    "Tamil",
    "Thai",
    "Tibetan",
];

/// Returns a Unicode class in the syntax of the engine.
///
/// # Errors
/// Fails if the class does not exist in Go, or is not known here.
pub(super) fn unicode(name: &str) -> Result<String, String> {
    if name == "ASCII" {
        return Ok(r"\x00-\x7F".to_owned());
    }
    if name == "Any" {
        return Ok(r"\x{0}-\x{10FFFF}".to_owned());
    }
    // Halves of surrogate pairs are no characters of a text, and nothing matches them.
    if name == "Cs" {
        return Ok(String::new());
    }
    if CATEGORIES.contains(&name) {
        return Ok(format!(r"\p{{gc={name}}}"));
    }
    if SCRIPTS.contains(&name) {
        return Ok(format!(r"\p{{sc={name}}}"));
    }
    Err(format!(
        "\\p{{{name}}}: this class is not known here; use a general category (\\p{{Lu}}) or a common script (\\p{{Greek}})"
    ))
}
