//! The line of a configuration file that a mistake is about.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A parsed file with the position of each key.
pub(super) struct LineFinder<'t> {
    text: &'t str,
    root: Option<Spanned<DeTable<'t>>>,
}

impl<'t> LineFinder<'t> {
    /// Parses a file. Without valid TOML no line is found.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, root: DeTable::parse(text).ok() }
    }

    /// Returns the line, from 1, of the deepest key that a message names. A message begins with the place of the
    /// mistake: `rules.TG007.nofile: …`, `enforce.rules "name": …`, `sinks NAME: key: …`; a key that is unknown
    /// there stands in quotes.
    pub(super) fn line(&self, message: &str) -> Option<usize> {
        let mut table = self.root.as_ref()?.get_ref();
        let mut found = None;
        let mut names = words(message);
        while let Some(name) = names.next() {
            // Other words of the message are passed over.
            let Some((key, value)) = table.get_key_value(name) else { continue };
            found = Some(key.span().start);
            match value.get_ref() {
                DeValue::Table(next) => table = next,
                DeValue::Array(list) => {
                    let wanted = names.next();
                    let at = wanted.and_then(|wanted| element(list, wanted));
                    let Some((start, DeValue::Table(next))) = at else { break };
                    found = Some(start);
                    table = next;
                }
                _ => break,
            }
        }
        let at = found?;
        Some(1 + self.text.get(..at)?.matches('\n').count())
    }
}

/// Returns the words of a message that can be names of keys or of tables.
fn words(message: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    message.split(move |c| !is_name(c)).filter(|word| !word.is_empty())
}

/// Returns the element of a list by its name, its type or its number, with its position.
fn element<'v, 't>(list: &'v toml::de::DeArray<'t>, wanted: &str) -> Option<(usize, &'v DeValue<'t>)> {
    let is_wanted = |value: &DeValue<'_>| {
        let text = |key: &str| value.as_table()?.get(key)?.get_ref().as_str().map(str::to_owned);
        text("name").or_else(|| text("type")).is_some_and(|name| words(&name).next() == Some(wanted))
    };
    let number = wanted.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let at = list.iter().position(|value| is_wanted(value.get_ref())).or(number)?;
    let value = list.get(at)?;
    Some((value.span().start, value.get_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_key_counts() {
        let text = "heartbeat = 1\n\n[rules.TG007]\nnofile = 3\n\n[[sinks]]\ntype = \"file\"\npath = 3\n\n[[sinks]]\nname = \"b c\"\n\
                    type = \"otlp\"\n[enforce]\nmode = \"x\"\n[[enforce.rules]]\nname = \"one\"\nargs = 3\n";
        let lines = LineFinder::new(text);
        for (message, line) in [
            ("heartbeat: must be", Some(1)),
            ("rules.TG007.nofile: must be", Some(4)),
            ("rules.TG007.other: unknown key", Some(3)),
            ("sinks file: path: must be", Some(8)),
            ("sinks 2: must be", Some(10)),
            ("enforce.rules \"one\": args: must be", Some(17)),
            ("enforce.mode: must be", Some(14)),
            ("unknown key 'heartbeat'", Some(1)),
            ("something else", None),
        ] {
            assert_eq!(lines.line(message), line, "{message}");
        }
    }
}
