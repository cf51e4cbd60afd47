//! Credentials in URLs: `scheme://user:password@host` and `https://token@host`.

use std::ops::Range;

use super::{values, work::Work};

/// Maximum length of what stands before the host.
const USERINFO_MAX: usize = 4096;

/// Whether the signs between the scheme and the user of a URL stand at a position.
#[inline]
pub(super) fn begins(text: &[u8], at: usize) -> bool {
    text[at] == b':' && text.get(at + 1) == Some(&b'/') && text.get(at + 2) == Some(&b'/')
}

/// Returns the secret of the URL whose `://` is at a position.
pub(super) fn secret(text: &str, colon: usize, scheme: &str, work: &Work) -> Option<Range<usize>> {
    let start = colon + 3;
    let bytes = text.as_bytes();
    // Userinfo ends with the last `@` of the authority. A password may wrongly contain the characters that end
    // an authority, so a "port" that is no number is taken as the beginning of one.
    let (mut at, mut first_colon) = (None, None);
    let mut authority = true;
    let mut end = start;
    for (n, &byte) in bytes[start..bytes.len().min(start + USERINFO_MAX)].iter().enumerate() {
        let here = start + n;
        end = here;
        match byte {
            b'@' => at = Some(here),
            b':' if text[here..].starts_with("://") => break,
            b':' if first_colon.is_none() => first_colon = Some(here),
            b'/' | b'?' | b'#' if authority => {
                authority = false;
                let port = first_colon.map(|colon| &bytes[colon + 1..here]);
                let is_port = |port: &[u8]| port.iter().all(u8::is_ascii_digit);
                if at.is_some() || port.is_none_or(is_port) {
                    break;
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' => break,
            _ => {}
        }
    }
    work.spend(2 + (end - start));
    let at = at?;
    match first_colon.filter(|colon| *colon < at) {
        Some(colon) => {
            let password = &text[colon + 1..at];
            (!values::is_harmless(password)).then_some(colon + 1..at)
        }
        None => {
            let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
            values::is_token_user(&text[start..at], web).then_some(start..at)
        }
    }
}
