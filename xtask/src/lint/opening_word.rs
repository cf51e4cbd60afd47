//! The first word of a doc comment: no pronoun before its noun, and no question.

use proc_macro2::{Literal, TokenStream, TokenTree};

use super::source::{self, SourceFile};

/// Words that point at something the reader has not seen yet.
const REFUSED: [&str; 12] =
    ["It", "They", "Those", "These", "Who", "Whom", "Of", "As", "So", "Nothing", "Nobody", "What"];

/// Returns one message for each doc comment that begins with a refused word.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        openings(file.tokens.clone(), &mut |line, text| {
            let word = text.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            if REFUSED.contains(&word) {
                found.push(format!(
                    "{}:{line}: a doc comment begins with {word:?}: begin with a noun phrase or a verb in the \
                     third person",
                    file.path
                ));
            }
        });
    }
    found
}

/// Calls `report` with the line and the text of the first line of each doc comment.
fn openings(tokens: TokenStream, report: &mut impl FnMut(usize, &str)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    // Line and kind of the doc comment before the current token.
    let mut previous = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some((attribute, inner, next)) = source::attribute(&tokens, at)
            && let Some(text) = doc_text(attribute)
        {
            let start = token.span().start().line;
            if previous != Some((start - 1, inner)) {
                report(start, &text);
            }
            previous = Some((token.span().end().line, inner));
            at = next;
            continue;
        }
        if let TokenTree::Group(group) = token {
            openings(group.stream(), report);
        }
        at += 1;
    }
}

/// Returns the text of a `doc = "…"` attribute.
fn doc_text(attribute: TokenStream) -> Option<String> {
    match attribute.into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Ident(name), equals, TokenTree::Literal(text)]
            if name == "doc" && source::is_punct(equals, '=') =>
        {
            Some(unquote(text))
        }
        _ => None,
    }
}

/// Returns the content of a string literal, with its escapes.
fn unquote(literal: &Literal) -> String {
    let text = literal.to_string();
    text.trim_start_matches('r').trim_matches('#').trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        violations(&[SourceFile::parse("a.rs", text).unwrap()])
    }

    #[test]
    fn a_comment_that_begins_with_a_pronoun_is_refused_with_its_line() {
        for word in REFUSED {
            let found = of(&format!("struct A;\n/// {word} is left.\nstruct B;"));
            assert!(found.len() == 1 && found[0].starts_with("a.rs:2:"), "{word}: {found:?}");
        }
        assert_eq!(of("//! It is a file.\n//! Another line.").len(), 1);
        assert_eq!(of("struct A {\n    /// What is left.\n    b: u8,\n}").len(), 1);
        assert_eq!(of("//! A file.\n/// What is left.\nstruct A;").len(), 1);
        assert_eq!(of("/// A number.\nconst A: u8 = 0;\n/// As above.\nconst B: u8 = 0;").len(), 1);
    }

    #[test]
    fn other_words_and_other_lines_pass() {
        assert!(of("/// The number.\n/// It is small.\n///\n/// Of course.\nstruct A;").is_empty());
        assert!(of("/// Items of a list; Ofelia; `It`.\nstruct A;").is_empty());
        assert!(of("/// Italic.\nstruct A;\n// It is a comment.").is_empty());
        assert!(of("const A: &str = \"\n/// It is a string.\n\";").is_empty());
    }
}
