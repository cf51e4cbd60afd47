//! Secrets between a first and a last line, such as private keys in PEM.

use memchr::memmem;

use super::{
    shape::Shape,
    spans::Spans,
    tokens::{self, Signs},
    work::Work,
};

/// Number of bytes behind the beginning in which the label has to stand.
const LABEL_MAX: usize = 128;

/// A form of a block.
#[derive(Debug)]
struct Block {
    begin: memmem::Finder<'static>,
    label: memmem::Finder<'static>,
    /// Whether only the word behind the label is secret.
    is_word: bool,
    /// Text of the last line; without it, the block reaches to the end.
    end: Option<memmem::Finder<'static>>,
    /// Whether the beginning has a word, by which the scan for tokens finds it.
    has_sign: bool,
}

/// All forms of blocks.
#[derive(Debug, Default)]
pub(super) struct BlockTable {
    blocks: Vec<Block>,
    /// Whether all blocks have a sign.
    have_signs: bool,
}

impl BlockTable {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let finder = |text: &String| memmem::Finder::new(text).into_owned();
        let blocks = shapes.iter().filter(|shape| !shape.begin.is_empty()).map(|shape| Block {
            begin: finder(&shape.begin),
            label: finder(&shape.label),
            is_word: shape.keep_prefix,
            end: Some(&shape.end).filter(|end| !end.is_empty()).map(finder),
            has_sign: tokens::first_word(shape.begin.as_bytes()).is_some(),
        });
        let blocks: Vec<Block> = blocks.collect();
        Self { have_signs: blocks.iter().all(|block| block.has_sign), blocks }
    }

    /// Whether the scan for tokens finds the beginning of each block.
    pub(super) fn have_signs(&self) -> bool {
        self.have_signs
    }

    /// Finds blocks, also those whose end is cut off.
    pub(super) fn scan(&self, text: &[u8], signs: Signs, spans: &mut Spans, work: &Work) {
        if self.have_signs && !signs.has(Signs::BLOCK) {
            return;
        }
        for block in &self.blocks {
            let length = block.begin.needle().len() + block.label.needle().len();
            if text.len() < length || block.has_sign && !signs.has(Signs::BLOCK) {
                continue;
            }
            work.spend(4 + text.len() / 64);
            let mut from = 0;
            while let Some(at) = block.begin.find(&text[from..]) {
                work.spend(12);
                if spans.is_full() || work.is_over() {
                    return;
                }
                let start = from + at;
                let behind = start + block.begin.needle().len();
                let head = &text[behind..text.len().min(behind + LABEL_MAX)];
                let Some(label) = block.label.find(head) else {
                    from = behind;
                    continue;
                };
                if block.is_word {
                    let start = behind + label + block.label.needle().len();
                    let space = text[start..].iter().position(u8::is_ascii_whitespace);
                    from = space.map_or(text.len(), |space| start + space);
                    work.spend((from - start) / 4);
                    spans.add(start..from);
                    continue;
                }
                let last =
                    block.end.as_ref().and_then(|end| Some((end.find(&text[behind..])?, end.needle().len())));
                from = last.map_or(text.len(), |(last, length)| {
                    let last = behind + last + length;
                    let line = &text[last..text.len().min(last + LABEL_MAX)];
                    memmem::find(line, b"-----")
                        .map_or(text.len().min(last + LABEL_MAX), |dashes| last + dashes + 5)
                });
                work.spend(20);
                spans.add(start..from);
            }
        }
    }
}
