//! The hash chain over written lines: each line ends with a SHA-256 over all lines before it and itself.

use sha2::{Digest as _, Sha256};

use super::key::{Key, SIGNATURE};

/// Length of a link in bytes.
pub const LINK: usize = 32;
/// Version of the linking scheme; hashed first when a chain starts.
const DOMAIN: &[u8] = b"tracego.seal/1\n";
/// Prefix of the bytes of a torn line. No record begins with it, so the two cannot be confused.
const TORN: &[u8] = b"\n";
/// Bytes between the linked part of a line and the digits of its link.
const OPEN: &[u8] = b",\"chain\":\"";
/// Bytes between the signed part of a line and the digits of its signature.
const SIGNED: &[u8] = b",\"signature\":\"";
/// Bytes after the digits of a link.
const CLOSE: &[u8] = b"\"}}";

/// The hash that stands for all lines up to one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link(pub [u8; LINK]);

impl Link {
    /// Returns the link that the chain of a run starts with.
    #[must_use]
    pub fn start(nonce: &[u8; LINK]) -> Self {
        hash(&[DOMAIN, nonce])
    }

    /// Returns the link of the next record. `body` is its line up to the link that it carries.
    #[must_use]
    pub fn record(self, body: &[u8]) -> Self {
        hash(&[&self.0, body])
    }

    /// Returns the link of a torn record: the bytes that a full disk left of it.
    #[must_use]
    pub fn torn(self, bytes: &[u8]) -> Self {
        hash(&[&self.0, TORN, bytes])
    }

    /// Returns the link as 64 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        hex(&self.0)
    }
}

/// Returns the SHA-256 of a line without its newline, by which an opening record names the line before it.
#[must_use]
pub fn digest(line: &[u8]) -> [u8; LINK] {
    hash(&[line]).0
}

fn hash(parts: &[&[u8]]) -> Link {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part);
    }
    Link(sha.finalize().into())
}

/// Returns lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.map(char::from).collect()
}

fn digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}

/// Decodes lower-case hexadecimal digits. Returns `None` unless they are exactly `N` bytes.
#[must_use]
pub fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// Appends a link to the record that begins at `start`; with a key, a signature ahead of it. Returns the new
/// link, or `None` if the record does not end as records do.
pub fn close(line: &mut Vec<u8>, start: usize, before: Link, key: Option<&Key>) -> Option<Link> {
    let body = line.get(start..)?.strip_suffix(b"}}\n")?;
    let signature = key.map(|key| key.sign(before.record(body)));
    line.truncate(start + body.len());
    if let Some(signature) = signature {
        line.extend_from_slice(SIGNED);
        line.extend_from_slice(hex(&signature).as_bytes());
        line.push(b'"');
    }
    let link = before.record(line.get(start..)?);
    line.extend_from_slice(OPEN);
    line.extend(link.0.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]));
    line.extend_from_slice(CLOSE);
    line.push(b'\n');
    Some(link)
}

/// Does the same as [`close`], with the number of the line in its chain ahead of the link.
pub fn close_numbered(
    line: &mut Vec<u8>,
    start: usize,
    number: u64,
    before: Link,
    key: Option<&Key>,
) -> Option<Link> {
    let body = line.get(start..)?.strip_suffix(b"}}\n")?.len();
    line.truncate(start + body);
    line.extend_from_slice(format!(",\"chain_seq\":{number}}}}}\n").as_bytes());
    close(line, start, before, key)
}

/// A line split into its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parts<'a> {
    /// The linked bytes.
    pub body: &'a [u8],
    /// The link that the line carries.
    pub link: Link,
    /// The signed bytes and the signature.
    pub signed: Option<(&'a [u8], [u8; SIGNATURE])>,
}

/// Splits a line without its newline. Returns `None` unless it ends exactly as [`close`] writes it.
#[must_use]
pub fn split(line: &[u8]) -> Option<Parts<'_>> {
    let rest = line.strip_suffix(CLOSE)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(2 * LINK)?)?;
    let body = rest.strip_suffix(OPEN)?;
    Some(Parts { body, link: Link(unhex(digits)?), signed: signed(body) })
}

fn signed(body: &[u8]) -> Option<(&[u8], [u8; SIGNATURE])> {
    let rest = body.strip_suffix(b"\"")?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(2 * SIGNATURE)?)?;
    Some((rest.strip_suffix(SIGNED)?, unhex(digits)?))
}

/// Whether a line can be a torn record: the beginning of a record whose write was cut off.
#[must_use]
pub fn is_torn(line: &[u8]) -> bool {
    const START: &[u8] = b"{\"schema\":\"tracego/";
    if line.is_empty() || !(line.starts_with(START) || START.starts_with(line)) {
        return false;
    }
    let cut = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof());
    // After the link only the end of the line can follow; no other member has this name.
    let tail = memchr::memmem::rfind(line, OPEN).map_or(&b""[..], |at| &line[at + OPEN.len()..]);
    let digits = tail.iter().take_while(|byte| unhex::<1>(&[b'0', **byte]).is_some()).count().min(2 * LINK);
    let rest = &tail[digits..];
    let ends = digits == 2 * LINK && CLOSE.starts_with(rest) && rest.len() < CLOSE.len();
    cut && (rest.is_empty() || ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"{\"schema\":\"tracego/1\",\"seq\":1,\"tracego\":{\"boot_id\":\"b\"}}\n";

    fn closed(key: Option<&Key>) -> (Vec<u8>, Link) {
        let mut line = LINE.to_vec();
        let link = close(&mut line, 0, Link::start(&[7; LINK]), key).unwrap();
        assert_eq!(line.pop(), Some(b'\n'));
        (line, link)
    }

    #[test]
    fn a_line_is_taken_apart_as_it_was_put_together() {
        let (line, link) = closed(None);
        serde_json::from_slice::<serde_json::Value>(&line).unwrap();
        let parts = split(&line).unwrap();
        assert_eq!((parts.link, parts.signed), (link, None));
        assert_eq!(Link::start(&[7; LINK]).record(parts.body), link);
        let key = Key::from_bytes([1; 32]);
        let (line, link) = closed(Some(&key));
        let parts = split(&line).unwrap();
        assert_eq!(Link::start(&[7; LINK]).record(parts.body), link);
        let (body, signature) = parts.signed.unwrap();
        assert_eq!(body, LINE.strip_suffix(b"}}\n").unwrap());
        assert_eq!((parts.link, signature), (link, key.sign(Link::start(&[7; LINK]).record(body))));
        serde_json::from_slice::<serde_json::Value>(&line).unwrap();
    }

    /// Expected values made with Python's hashlib.
    #[test]
    fn links_are_what_another_implementation_says() {
        let start = Link::start(&[0; LINK]);
        assert_eq!(start.text(), "c132b609c444937e66e78456fff08475c8c5493d21ca563b49bf7384ca46c3c2");
        assert_eq!(
            start.record(b"{").text(),
            "e26c708c60dded3b6341c98f8f1ad3b744f2d8c99a3f2f74ed7624b8fb410d3f"
        );
        assert_eq!(
            start.torn(b"{").text(),
            "1660d783f021933805a993e97fe5760e1a7efccb84d84d7677453f8a47dd3767"
        );
    }

    #[test]
    fn every_true_beginning_is_torn_and_nothing_else_is() {
        for key in [None, Some(Key::from_bytes([1; 32]))] {
            let (line, _) = closed(key.as_ref());
            for end in 1..line.len() {
                assert!(is_torn(&line[..end]), "{}", String::from_utf8_lossy(&line[..end]));
            }
            assert!(!is_torn(&line) && !is_torn(b""));
            for at in line.len() - 20..line.len() {
                for change in [b'x', b' ', b'"', b'}', b'0'] {
                    let mut line = line.clone();
                    if line[at] != change {
                        line[at] = change;
                        assert!(!is_torn(&line), "{}", String::from_utf8_lossy(&line));
                    }
                }
            }
        }
        assert!(!is_torn(b"{\"other\":1") && !is_torn(b"panic: out of memory"));
    }

    #[test]
    fn what_does_not_end_as_a_record_is_left_alone() {
        for line in [&b"{}\n"[..], b"", b"[1]\n", b"{\"a\":{}}"] {
            let mut copy = line.to_vec();
            assert_eq!(close(&mut copy, 0, Link([0; LINK]), None), None);
            assert_eq!(copy, line);
        }
    }
}
