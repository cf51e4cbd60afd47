//! Secrets between a first and a last line, such as private keys in PEM.

use memchr::memmem;

use super::{shape::Shape, spans::Spans};

/// Number of bytes behind the beginning in which the label has to stand.
const LABEL_MAX: usize = 128;

/// A form of a block.
#[derive(Debug)]
struct Block {
    begin: String,
    label: String,
    /// Whether only the word behind the label is secret.
    is_word: bool,
    /// Text of the last line; without it, the block reaches to the end.
    end: String,
}

/// All forms of blocks.
#[derive(Debug, Default)]
pub(super) struct BlockTable(Vec<Block>);

impl BlockTable {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let blocks = shapes.iter().filter(|shape| !shape.begin.is_empty()).map(|shape| Block {
            begin: shape.begin.clone(),
            label: shape.label.clone(),
            is_word: shape.keep_prefix,
            end: shape.end.clone(),
        });
        Self(blocks.collect())
    }

    /// Finds blocks, also those whose end is cut off.
    pub(super) fn scan(&self, text: &[u8], spans: &mut Spans) {
        for block in &self.0 {
            let end = memmem::Finder::new(block.end.as_bytes());
            let mut from = 0;
            while let Some(at) = memmem::find(&text[from..], block.begin.as_bytes()) {
                let start = from + at;
                let behind = start + block.begin.len();
                let head = &text[behind..text.len().min(behind + LABEL_MAX)];
                let Some(label) = memmem::find(head, block.label.as_bytes()) else {
                    from = behind;
                    continue;
                };
                if block.is_word {
                    let start = behind + label + block.label.len();
                    let space = text[start..].iter().position(u8::is_ascii_whitespace);
                    from = space.map_or(text.len(), |space| start + space);
                    spans.add(start..from);
                    continue;
                }
                let last = (!block.end.is_empty()).then(|| end.find(&text[behind..])).flatten();
                from = last.map_or(text.len(), |last| {
                    let last = behind + last + block.end.len();
                    let line = &text[last..text.len().min(last + LABEL_MAX)];
                    memmem::find(line, b"-----")
                        .map_or(text.len().min(last + LABEL_MAX), |dashes| last + dashes + 5)
                });
                spans.add(start..from);
                if spans.is_full() {
                    return;
                }
            }
        }
    }
}
