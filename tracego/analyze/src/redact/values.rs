//! The values of secret names: which are secret, and which are references, paths or switches.

use std::ops::Range;

use super::{MARK, names::NameRule, shape::ValueForm};

/// Values of secret names that say what is done, not what the secret is.
const WORDS: [&str; 40] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "nil",
    "undefined",
    "empty",
    "enabled",
    "disabled",
    "enable",
    "disable",
    "required",
    "optional",
    "auto",
    "prompt",
    "ask",
    "stdin",
    "always",
    "never",
    "read",
    "write",
    "default",
    "inherit",
    "basic",
    "bearer",
    "digest",
    "negotiate",
    "ntlm",
    "string",
    "bool",
    "int",
    "redacted",
    "hidden",
    "masked",
    "<nil>",
    "-",
];
/// Beginnings of values that name a place where the secret is.
const PLACES: [&str; 33] = [
    "os.environ",
    "os.getenv",
    "process.env",
    "getenv(",
    "system.getenv",
    "env[",
    "env::",
    "secrets.",
    "var.",
    "file:",
    "env:",
    "fd:",
    "file://",
    "env://",
    "op://",
    "vault:",
    "vault://",
    "ref+",
    "arn:aws:",
    "secret://",
    "secrets/",
    "projects/",
    "@microsoft.keyvault",
    "keyring:",
    "pass:show",
    "sops:",
    "id=",
    "type=",
    "src=",
    "name=",
    "secretkeyref",
    "awssm://",
    "gcpsm://",
];

/// Beginnings of regular expressions for a secret.
const PATTERNS: [&str; 14] =
    ["\\(.*", "\\([^", ".*", "[^", "(.*", "\\S", "\\w", "([^", ".+", "[a-z", "[A-Z", "[0-9", "[[:", "\\d"];

/// The first bytes of a list, without their case: most values begin with none of them.
static WORD_FIRSTS: u128 = firsts(&WORDS);
static PLACE_FIRSTS: u128 = firsts(&PLACES);
static PATTERN_FIRSTS: u128 = firsts(&PATTERNS);

/// Returns a bit for the first byte of each text.
const fn firsts(texts: &[&str]) -> u128 {
    let (mut bits, mut n) = (0, 0);
    while n < texts.len() {
        bits |= 1 << (texts[n].as_bytes()[0].to_ascii_lowercase() & 127);
        n += 1;
    }
    bits
}

/// Whether a byte is one of the first bytes.
fn is_first(firsts: &u128, byte: u8) -> bool {
    firsts >> (byte.to_ascii_lowercase() & 127) & 1 == 1
}

/// Returns the part of the value of a named thing that is secret.
pub(super) fn secret_part(value: &str, rule: NameRule) -> Option<Range<usize>> {
    let form = rule.form?;
    if form == ValueForm::Random && !is_random(value) || is_harmless(value) {
        return None;
    }
    let whole = 0..value.len();
    match form {
        ValueForm::Any => {
            let small = value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            (!small && !is_path(value) && !is_relative_path(value)).then_some(whole)
        }
        ValueForm::Password => {
            let is_count = value.len() <= 2 && value.bytes().all(|byte| byte.is_ascii_digit());
            (!is_path(value) && !is_count).then_some(whole)
        }
        ValueForm::Folder => (!value.starts_with('/') && !is_path(value)).then_some(whole),
        ValueForm::Random => Some(whole),
        ValueForm::Credentials => match value.split_once(':') {
            Some((user, secret)) if !secret.starts_with("//") && !is_harmless(secret) => {
                Some(user.len() + 1..value.len())
            }
            None if is_random(value) => Some(whole),
            _ => None,
        },
    }
}

/// Whether a value is empty, a switch, a reference or a placeholder.
pub(super) fn is_harmless(value: &str) -> bool {
    let value = value.trim();
    let value = value.strip_suffix("\\n").unwrap_or(value);
    let is_sign = value.len() <= 2 && value.starts_with(['/', '.', ',', ';', '&', '|', ')', '"', '\'', '\\']);
    if value.is_empty() || value == MARK || is_sign {
        return true;
    }
    // Values are at most a few words here, so that the comparison of long ones costs nothing.
    let (first, last) = (value.as_bytes()[0], value.as_bytes()[value.len() - 1]);
    if value.len() <= 10
        && is_first(&WORD_FIRSTS, first)
        && WORDS.iter().any(|word| word.len() == value.len() && value.eq_ignore_ascii_case(word))
    {
        return true;
    }
    let is_place = |place: &&str| {
        place.as_bytes()[0] == first.to_ascii_lowercase()
            && value.get(..place.len()).is_some_and(|start| start.eq_ignore_ascii_case(place))
            && value.len() > place.len()
    };
    if is_first(&PATTERN_FIRSTS, first) && PATTERNS.iter().any(|pattern| value.starts_with(pattern)) {
        return true;
    }
    let is_filler = |byte: u8| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'-' | b'_' | b'?' | b'#');
    match first {
        b'$' => is_reference(value),
        b'`' => value.len() > 1 && last == b'`',
        b'<' => last == b'>',
        b'{' => value.starts_with("{{") && value.ends_with("}}"),
        b'%' => value.len() > 2 && value.len() < 64 && last == b'%',
        b'@' => value.len() > 1 && !value.contains(' ') && is_path(&value[1..]) || value == "@-",
        _ => {
            let is_letter = first.is_ascii_alphabetic();
            (value.len() <= 64 && value.bytes().all(|byte| byte == first) && is_filler(first))
                && (value.len() > 2 || !is_letter)
                || is_first(&PLACE_FIRSTS, first) && PLACES.iter().any(is_place)
        }
    }
}

/// Whether a value only refers to variables or commands: `$TOKEN`, `${TOKEN:-}`, `$(cat x)`.
fn is_reference(value: &str) -> bool {
    let mut rest = value;
    while let Some(behind) = rest.strip_prefix('$') {
        let close = match behind.bytes().next() {
            Some(b'{') => {
                behind.find('}').map(|end| if behind[end..].starts_with("}}") { end + 2 } else { end + 1 })
            }
            Some(b'(') => closing(behind),
            _ => {
                Some(behind.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count())
            }
        };
        match close {
            Some(end) if end > 0 && !behind.as_bytes()[0].is_ascii_digit() => {
                rest = behind[end..].trim_start_matches([':', '/', '@', '-', '.', '_', ',']);
            }
            _ => return false,
        }
    }
    rest.is_empty()
}

/// Returns the number of bytes up to the parenthesis that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether a value is the path of a file, and not a random text that begins with a slash.
pub(super) fn is_path(value: &str) -> bool {
    let windows = value.as_bytes().get(1..3).is_some_and(|colon| colon == b":\\" || colon == b":/");
    let explicit = ["/", "./", "../", "~/", ".."].iter().any(|start| value.starts_with(start));
    let parts = value.split(['/', '\\']).filter(|part| !part.is_empty());
    let enough = if value.starts_with('/') { 2 } else { 1 };
    if value.len() > 4096 || value.contains(['\n', '=', '+', '&', ';', '|', '"', '\'']) {
        return false;
    }
    if explicit || windows {
        return parts.clone().count() >= enough && parts.clone().all(|part| !is_random_part(part));
    }
    // A relative path is known by a usual ending.
    let ending = value.rsplit_once('.').map(|(_, ending)| ending);
    let known = [
        "pem", "key", "crt", "cer", "json", "yaml", "yml", "txt", "env", "p12", "pfx", "jks", "toml", "ini",
        "conf", "pub", "asc", "gpg", "der", "jwt", "token", "secret", "p8", "cfg", "kdbx", "age",
    ];
    ending.is_some_and(|ending| known.contains(&ending)) && parts.clone().all(|part| !is_random_part(part))
}

/// Whether a value of small letters is the path of a file below the current folder: `deploy/id_rsa`.
fn is_relative_path(value: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
    };
    value.starts_with("id_") && is_part(value)
        || value.len() <= 256
            && value.contains('/')
            && value.split('/').all(|part| is_part(part) && part.len() < 24)
}

/// Whether a part of a path looks random.
fn is_random_part(part: &str) -> bool {
    part.len() >= 16 && !part.contains(['.', '-', '_']) && has_all_kinds(part)
}

fn has_all_kinds(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Least length of a value that looks random.
const RANDOM_MIN: usize = 16;

/// Whether a byte may stand in a value that looks random.
const fn is_random_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'.' | b'~' | b'%' | b':' | b'|' | b'!')
}

/// Whether a value that looks random may stand at the beginning of a text, behind signs and quotes.
pub(super) fn may_be_random(text: &[u8]) -> bool {
    let signs = text.iter().take(80).take_while(|byte| b" \t\n\"'`\\{>=~".contains(byte)).count();
    text[signs..].iter().take(RANDOM_MIN).take_while(|byte| is_random_byte(**byte)).count() == RANDOM_MIN
        || text[..signs].contains(&b'=') && signs < text.len()
}

/// Whether a value looks random, unlike words, paths, digests and ids.
pub(super) fn is_random(value: &str) -> bool {
    (RANDOM_MIN..=8192).contains(&value.len())
        && !is_path(value)
        && value.bytes().all(is_random_byte)
        && has_all_kinds(value)
}

/// Whether the user of a URL without a password is a token: no word with a number behind.
pub(super) fn is_token_user(user: &str, web: bool) -> bool {
    if is_harmless(user) || user.len() < 5 {
        return false;
    }
    let name = user.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"._-+%".contains(&byte))
        && user.len() - name.len() <= 4
        && (!name.is_empty() && user.len() <= 32);
    let is_mixed = name.bytes().any(|byte| byte.is_ascii_uppercase())
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.contains(['.', '-', '_'])
        && user.len() >= 10;
    if web { !is_word || is_mixed } else { user.len() >= 12 && has_all_kinds(user) }
}

/// Whether a text is prose: several words of small letters.
pub(super) fn is_prose(text: &str) -> bool {
    let words = text.trim_end_matches(['.', '!', '?']).split(' ');
    text.contains(' ')
        && words.clone().take(8).all(|word| {
            let word = word.trim_end_matches([',', ':']);
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || b"'-".contains(&byte))
        })
}
