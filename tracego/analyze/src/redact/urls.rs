//! Credentials in URLs: `scheme://user:password@host` and `https://token@host`.

use std::ops::Range;

use super::{values, work::Work};

/// Maximum length of what stands before the host.
const USERINFO_MAX: usize = 4096;
/// Maximum length of a password outside of a URL.
const BARE_MAX: usize = 128;

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

/// Names before a colon that are no users.
const NO_USERS: [&str; 14] = [
    "mailto",
    "sip",
    "sips",
    "xmpp",
    "acct",
    "npm",
    "patch",
    "workspace",
    "portal",
    "file",
    "git",
    "ssh",
    "link",
    "jsr",
];

/// Returns the password before an `@` that belongs to no URL: `user:password@tcp(host)/name`,
/// `user:password@host:1`.
pub(super) fn bare(text: &str, at: usize, work: &Work) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_delimiter = |byte: &u8| b" \t\n\"'`/<>()[]{},;=|&?#@:\\".contains(byte);
    let front = &bytes[at.saturating_sub(BARE_MAX)..at];
    let length = front.iter().rev().position(is_delimiter)?;
    work.spend(8 + length / 4);
    let start = at - length;
    let colon = start.checked_sub(1).filter(|colon| bytes[*colon] == b':' && length > 0)?;
    let is_user = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let user_length = bytes[colon.saturating_sub(64)..colon].iter().rev().take_while(is_user).count();
    let user = &text[colon - user_length..colon];
    let before = (colon - user_length).checked_sub(1).map(|before| bytes[before]);
    let is_begin = before.is_none_or(|byte| b" \t\n\"'`=,/\\:(".contains(&byte));
    let is_url = bytes[..colon - user_length].ends_with(b"//");
    if user.is_empty() || !is_begin || is_url || NO_USERS.contains(&user) {
        return None;
    }
    let (password, rest) = (&text[start..at], &bytes[at + 1..]);
    if values::is_harmless(password) {
        return None;
    }
    if rest.starts_with(b"tcp(") || rest.starts_with(b"unix(") {
        return Some(start..at);
    }
    let host =
        rest.iter().take(255).take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte)).count();
    let (host, rest) = (&text[at + 1..at + 1 + host], &rest[host..]);
    let dots = host.bytes().filter(|byte| *byte == b'.').count();
    let is_address = dots == 3 && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_name = host.starts_with(|first: char| first.is_ascii_alphabetic()) && !host.starts_with("sha");
    let ends = match rest {
        [b':', next, ..] => next.is_ascii_digit() || *next == b'/',
        // Without a port or a path, a name with dots may belong to an address of mail.
        [] | [b' ' | b'"' | b'\'' | b'\n', ..] => is_address || dots == 0,
        [next, ..] => *next == b'/',
    };
    let has_kinds = password.bytes().any(|byte| byte.is_ascii_digit())
        && password.bytes().any(|byte| byte.is_ascii_alphabetic())
        && password.len() >= 6
        && !password.strip_prefix('v').unwrap_or(password).starts_with(|first: char| first.is_ascii_digit());
    ((is_address || is_name) && ends && has_kinds).then_some(start..at)
}
