//! Parses Go's quoted strings like strconv.QuotedPrefix and strconv.Unquote of Go 1.27.

/// Parses the quoted string at the start of a text. Returns its value and the text behind it. Bytes that are
/// not UTF-8 become U+FFFD.
pub(super) fn prefix(text: &str) -> Option<(String, &str)> {
    if let Some(rest) = text.strip_prefix('`') {
        let (raw, rest) = rest.split_once('`')?;
        return Some((raw.replace('\r', ""), rest));
    }
    let mut rest = text.strip_prefix('"')?;
    let mut value = Vec::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        let (plain, special) = rest.split_at(at);
        value.extend_from_slice(plain.as_bytes());
        match special.strip_prefix('\\') {
            Some(sequence) => rest = escape(sequence, &mut value)?,
            None => return Some((String::from_utf8_lossy(&value).into_owned(), special.get(1..)?)),
        }
    }
}

/// Decodes the escape sequence behind a backslash. Returns the text behind the sequence.
fn escape<'a>(text: &'a str, value: &mut Vec<u8>) -> Option<&'a str> {
    let first = text.chars().next()?;
    let rest = text.get(first.len_utf8()..)?;
    let byte = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        '0'..='7' => {
            let (number, rest) = number(text, 3, 8)?;
            value.push(u8::try_from(number).ok()?);
            return Some(rest);
        }
        'x' => {
            let (number, rest) = number(rest, 2, 16)?;
            value.push(u8::try_from(number).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let (number, rest) = number(rest, if first == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(number)?;
            value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        _ => return None,
    };
    value.push(byte);
    Some(rest)
}

/// Parses a number with an exact count of digits. Returns it and the text behind it.
fn number(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    // from_str_radix would accept a sign.
    let good = number.chars().all(|c| c.is_digit(radix));
    Some((u32::from_str_radix(number, radix).ok().filter(|_| good)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_strings_are_those_of_go() {
        let cases = [
            (r#""-s -w -X a.b=c d"x"#, "-s -w -X a.b=c d", "x"),
            (r#""a\"b\\\n\t\a""#, "a\"b\\\n\t\u{7}", ""),
            (r#""\x41\101\u00e4\U0001F600""#, "AAä😀", ""),
            (r#""\xff""#, "\u{fffd}", ""),
            (r#""\xc3\xa4""#, "ä", ""),
            ("`a\"b\\n`=c", "a\"b\\n", "=c"),
            (r#""""#, "", ""),
        ];
        for (text, value, rest) in cases {
            assert_eq!(prefix(text), Some((value.to_owned(), rest)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "a",
            "\"",
            "\"a",
            "`a",
            r#""\"#,
            r#""\""#,
            r#""\q""#,
            r#""\x4""#,
            r#""\x+4""#,
            r#""\400""#,
            r#""\ud800""#,
            r#""\u12""#,
            r#""\'""#,
        ] {
            assert_eq!(prefix(text), None, "{text}");
        }
    }
}
