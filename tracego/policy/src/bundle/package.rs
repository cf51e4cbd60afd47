//! The package of a module, which is declared at its beginning. The engine parses the rest.

use super::error::BundleProblem;

/// Returns the parts of a module's package: `package a["b-c"].d` is `a`, `b-c` and `d`.
pub(super) fn package(text: &str) -> Result<Vec<String>, BundleProblem> {
    let (rest, line) = skip(text, 1);
    let refused = || BundleProblem::Package(line);
    let rest = rest.strip_prefix("package").ok_or_else(refused)?;
    if !rest.starts_with(|c: char| c.is_ascii_whitespace()) {
        return Err(refused());
    }
    let mut rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let mut parts = vec![ident(&mut rest).ok_or_else(refused)?];
    loop {
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            parts.push(ident(&mut rest).ok_or_else(refused)?);
        } else if let Some(after) = rest.strip_prefix('[') {
            let mut texts = serde_json::Deserializer::from_str(after).into_iter::<String>();
            let part = texts.next().and_then(Result::ok).ok_or_else(refused)?;
            rest = after.get(texts.byte_offset()..).and_then(|r| r.strip_prefix(']')).ok_or_else(refused)?;
            parts.push(part);
        } else if rest.is_empty()
            || rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '#' || c == ';')
        {
            return Ok(parts);
        } else {
            return Err(refused());
        }
    }
}

/// Skips white space and comments. Returns the rest and its line.
fn skip(mut text: &str, mut line: usize) -> (&str, usize) {
    loop {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
        line += text[..text.len() - rest.len()].matches('\n').count();
        if !rest.starts_with('#') {
            return (rest, line);
        }
        text = rest.find('\n').map_or("", |end| &rest[end..]);
    }
}

fn ident(rest: &mut &str) -> Option<String> {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    *rest = after;
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| name.to_owned())
}
