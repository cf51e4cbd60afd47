//! Expressions of Go whose value a file gives: strings, slices of strings, variables.

use std::collections::HashMap;

use crate::{document::quoted::Token, extract::Extract, text::Text, word::Word};

/// Maximum depth of expressions in expressions.
const MAX_DEPTH: usize = 16;
/// Maximum number of tokens of one expression.
pub(super) const MAX_TOKENS: usize = 4096;
/// Maximum number of words of one expression.
const MAX_WORDS: usize = 1024;

/// A value that a variable has within a function.
pub(super) type Values = HashMap<String, Vec<Word>>;

/// The expressions of a file.
pub(super) struct Expressions<'a> {
    pub(super) tokens: &'a [Token],
    /// The place of each token.
    pub(super) places: &'a [u32],
}

impl Expressions<'_> {
    /// Notes the value that an assignment gives to a variable.
    pub(super) fn assign(&self, name: &str, start: usize, values: &mut Values, extract: &mut Extract) {
        let (words, _) = self.expression(start, values, 0);
        let length = words.iter().map(|word| word.text.len() + 8).sum();
        if words.iter().any(|word| !word.has_holes) && extract.spend(length) {
            values.insert(name.to_owned(), words);
        }
    }

    /// Returns the words of each argument of a call whose bracket stands in front of `start`.
    pub(super) fn arguments(
        &self,
        start: usize,
        limit: usize,
        values: &Values,
        depth: usize,
    ) -> Vec<Vec<Word>> {
        let mut found = Vec::new();
        let mut index = start;
        while self
            .tokens
            .get(index)
            .is_some_and(|token| index < limit && !matches!(token, Token::Sign(b')' | b'}')))
        {
            if matches!(self.tokens.get(index), Some(Token::Sign(b',' | b'\n') | Token::Comment(_))) {
                index += 1;
                continue;
            }
            let (words, end) = self.expression(index, values, depth);
            found.push(words);
            index = end.max(index + 1);
        }
        found
    }

    /// Returns the words of an expression, and the position behind it: a string, a slice of strings, `append`, a
    /// variable. Anything else is one word that is not known.
    pub(super) fn expression(&self, start: usize, values: &Values, depth: usize) -> (Vec<Word>, usize) {
        let end = self.end_of_expression(start);
        let place = self.places.get(start).copied().unwrap_or_default();
        let hole = |name: &str| {
            let text = Text::at(place, &format!("${name}"));
            vec![Word { text, has_holes: true, ..Word::default() }]
        };
        let words = match self.tokens.get(start..end).unwrap_or_default() {
            _ if depth > MAX_DEPTH => hole("EXPRESSION"),
            [Token::Text(text)] => vec![Word { text: text.clone(), is_quoted: true, ..Word::default() }],
            [Token::Name(name)]
            | [Token::Name(name), Token::Sign(b'.'), Token::Sign(b'.'), Token::Sign(b'.')] => {
                let here = |word: &Word| Word { text: Text::at(place, &word.value()), ..word.clone() };
                values.get(name).map_or_else(|| hole(name), |words| words.iter().map(here).collect())
            }
            [Token::Sign(b'['), Token::Sign(b']'), Token::Name(kind), Token::Sign(b'{'), ..]
                if kind == "string" =>
            {
                self.arguments(start + 4, end, values, depth + 1).into_iter().flatten().collect()
            }
            [Token::Name(name), Token::Sign(b'('), ..] if name == "append" => {
                self.arguments(start + 2, end, values, depth + 1).into_iter().flatten().collect()
            }
            // `args[0]` and `args[1:]...`
            [Token::Name(name), Token::Sign(b'['), Token::Name(number), Token::Sign(b']')] => {
                let word = values.get(name).and_then(|words| words.get(number.parse::<usize>().ok()?));
                word.map_or_else(
                    || hole(name),
                    |word| vec![Word { text: Text::at(place, &word.value()), ..word.clone() }],
                )
            }
            [Token::Name(name), Token::Sign(b'['), Token::Name(number), Token::Sign(b':'), ..] => {
                let rest = values.get(name).and_then(|words| words.get(number.parse::<usize>().ok()?..));
                rest.map_or_else(|| hole(name), <[Word]>::to_vec)
            }
            [
                Token::Name(_),
                Token::Sign(b'.'),
                Token::Name(name),
                Token::Sign(b'('),
                Token::Text(text),
                ..,
            ] if matches!(name.as_str(), "LookPath" | "Sprintf") => {
                let has_holes = name == "Sprintf" && text.bytes().contains(&b'%');
                vec![Word { text: text.clone(), has_holes, is_quoted: true, ..Word::default() }]
            }
            // `"a" + "b"`
            [Token::Text(first), Token::Sign(b'+'), ..] => {
                let mut text = first.clone();
                for token in self.tokens.get(start + 1..end).unwrap_or_default() {
                    match token {
                        Token::Text(more) => _ = text.append(more, None),
                        Token::Name(name) => _ = text.append(&Text::at(place, &format!("${name}")), None),
                        _ => {}
                    }
                }
                vec![Word { text, is_quoted: true, ..Word::default() }]
            }
            [Token::Name(name), ..] => hole(name),
            _ => hole("EXPRESSION"),
        };
        (words.into_iter().take(MAX_WORDS).collect(), end)
    }

    /// Returns the position of the comma, bracket or line feed that ends an expression.
    fn end_of_expression(&self, start: usize) -> usize {
        let mut depth = 0_usize;
        let mut index = start;
        while let Some(token) = self.tokens.get(index).filter(|_| index - start < MAX_TOKENS) {
            match token {
                Token::Sign(b'(' | b'{' | b'[') => depth += 1,
                Token::Sign(b')' | b'}' | b']') if depth == 0 => return index,
                Token::Sign(b')' | b'}' | b']') => depth -= 1,
                Token::Sign(b',' | b'\n') | Token::Comment(_) if depth == 0 => return index,
                _ => {}
            }
            index += 1;
        }
        index
    }
}
