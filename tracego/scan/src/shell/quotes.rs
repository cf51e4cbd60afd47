//! Words with their quotes.

use super::{parser::Parser, word_builder::WordBuilder};
use crate::word::Word;

impl Parser<'_> {
    /// Reads one word; expansions may make several or none of it.
    pub(super) fn read_word(&mut self) -> Vec<Word> {
        self.read(true)
    }

    /// Reads one word whose expansions are not split, as the value of an assignment.
    pub(super) fn read_unsplit_word(&mut self) -> Word {
        self.read(false).into_iter().next().unwrap_or_default()
    }

    pub(super) fn read(&mut self, splits: bool) -> Vec<Word> {
        let mut builder = WordBuilder::default();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => break,
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') | None => {}
                        Some(next) => builder.push(next, place),
                    }
                    self.position += 2;
                }
                b'\'' => self.read_single_quotes(&mut builder),
                b'"' => self.read_double_quotes(&mut builder),
                b'$' if self.peek(1) == Some(b'\'') => {
                    self.position += 1;
                    self.read_ansi_quotes(&mut builder);
                }
                b'$' if self.peek(1) == Some(b'"') => {
                    self.position += 1;
                    self.read_double_quotes(&mut builder);
                }
                b'$' | b'`' => self.expand(&mut builder, splits),
                _ => {
                    builder.push(byte, place);
                    self.position += 1;
                }
            }
        }
        builder.end_word();
        builder.words
    }

    fn read_single_quotes(&mut self, builder: &mut WordBuilder) {
        self.position += 1;
        builder.begin_quotes();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            self.position += 1;
            if byte == b'\'' {
                break;
            }
            builder.push(byte, place);
        }
    }

    /// Reads `$'…'`, whose escapes are those of C.
    fn read_ansi_quotes(&mut self, builder: &mut WordBuilder) {
        self.position += 1;
        builder.begin_quotes();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            self.position += 1;
            match byte {
                b'\'' => break,
                b'\\' => {
                    let escaped = self.peek(0).unwrap_or(b'\\');
                    self.position += 1;
                    let meant = match escaped {
                        b'n' => b'\n',
                        b't' => b'\t',
                        other => other,
                    };
                    builder.push(meant, place);
                }
                _ => builder.push(byte, place),
            }
        }
    }

    fn read_double_quotes(&mut self, builder: &mut WordBuilder) {
        self.position += 1;
        builder.begin_quotes();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            match byte {
                b'"' => {
                    self.position += 1;
                    break;
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') => {}
                        Some(next @ (b'"' | b'\\' | b'$' | b'`')) => builder.push(next, place),
                        Some(next) => {
                            builder.push(b'\\', place);
                            builder.push(next, place);
                        }
                        None => {}
                    }
                    self.position += 2;
                }
                b'$' | b'`' => self.expand(builder, false),
                _ => {
                    builder.push(byte, place);
                    self.position += 1;
                }
            }
        }
    }
}
