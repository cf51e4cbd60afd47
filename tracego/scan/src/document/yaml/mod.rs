//! YAML with the place of each scalar. JSON is read by the same parser, as YAML 1.2 contains it.

mod template;
mod tree;

use std::{cell::Cell, rc::Rc};

pub(super) use template::without_templates;
pub(super) use tree::{parse, parse_text};

use crate::{text::Text, word::Word};

/// Maximum number of nodes that are visited in one file. Aliases can make more of them than the file has.
pub(super) const MAX_VISITS: usize = 200_000;

/// A node of a document.
#[derive(Debug)]
pub(super) struct Node {
    /// Content.
    pub(super) content: Content,
    /// Suffix of the tag, such as `reference` for GitLab's `!reference`.
    pub(super) tag: Option<String>,
    /// Number of levels below.
    depth: usize,
}

/// The content of a node.
#[derive(Debug)]
pub(super) enum Content {
    /// A scalar.
    Scalar(Text),
    /// A sequence.
    Sequence(Vec<Rc<Node>>),
    /// A mapping, in the order of the file.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// Returns the text of a scalar.
    pub(super) fn text(&self) -> Option<&Text> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the value of a scalar.
    pub(super) fn value(&self) -> Option<String> {
        self.text().map(|text| text.to_str().into_owned())
    }

    /// Returns the elements of a sequence; of anything else, nothing.
    pub(super) fn elements(&self) -> &[Rc<Self>] {
        match &self.content {
            Content::Sequence(elements) => elements,
            _ => &[],
        }
    }

    /// Returns the entries of a mapping; of anything else, nothing.
    pub(super) fn entries(&self) -> &[(Rc<Self>, Rc<Self>)] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the value of a key, which may come from a merged mapping (`<<`).
    pub(super) fn get(&self, key: &str) -> Option<&Rc<Self>> {
        let own = self.entries().iter().find(|(name, _)| name.is(key)).map(|(_, value)| value);
        own.or_else(|| {
            let merged = self.entries().iter().find(|(name, _)| name.is("<<")).map(|(_, value)| value)?;
            match merged.elements() {
                [] => merged.entries().iter().find(|(name, _)| name.is(key)).map(|(_, value)| value),
                several => several.iter().find_map(|base| {
                    base.entries().iter().find(|(name, _)| name.is(key)).map(|(_, value)| value)
                }),
            }
        })
    }

    /// Returns the value at a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key).map(Rc::as_ref))
    }

    /// Whether the node is a scalar with this text.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text().is_some_and(|own| own.bytes() == text.as_bytes())
    }

    /// Returns the words of a list of scalars, or of one.
    pub(super) fn words(&self) -> Vec<Word> {
        let word = |text: &Text| {
            let has_holes = memchr::memmem::find(text.bytes(), b"$(").is_some()
                || memchr::memmem::find(text.bytes(), b"${").is_some();
            Word { text: text.clone(), has_holes, is_quoted: true, ..Word::default() }
        };
        match &self.content {
            Content::Scalar(text) => vec![word(text)],
            Content::Sequence(elements) => elements.iter().filter_map(|e| e.text().map(word)).collect(),
            Content::Mapping(_) => Vec::new(),
        }
    }

    /// Returns the scalars of lists in lists, as GitLab flattens them.
    pub(super) fn scalars(&self) -> Vec<&Text> {
        let mut found = Vec::new();
        let visits = Cell::new(0);
        self.collect_scalars(&mut found, &visits);
        found
    }

    fn collect_scalars<'a>(&'a self, found: &mut Vec<&'a Text>, visits: &Cell<usize>) {
        visits.set(visits.get() + 1);
        if visits.get() > MAX_VISITS {
            return;
        }
        match &self.content {
            Content::Scalar(text) => found.push(text),
            // The scalars of `!reference [job, script]` are names.
            Content::Sequence(_) if self.tag.as_deref() == Some("reference") => {}
            Content::Sequence(elements) => elements.iter().for_each(|e| e.collect_scalars(found, visits)),
            Content::Mapping(_) => {}
        }
    }

    /// Calls a function for each mapping, the outer ones first. The function returns whether to go deeper.
    pub(super) fn each_mapping<'a>(&'a self, visit: &mut dyn FnMut(&'a Self) -> bool) {
        self.walk(visit, &Cell::new(0));
    }

    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self) -> bool, visits: &Cell<usize>) {
        visits.set(visits.get() + 1);
        if visits.get() > MAX_VISITS {
            return;
        }
        match &self.content {
            Content::Scalar(_) => {}
            Content::Sequence(elements) => elements.iter().for_each(|element| element.walk(visit, visits)),
            Content::Mapping(entries) => {
                if visit(self) {
                    entries.iter().for_each(|(_, value)| value.walk(visit, visits));
                }
            }
        }
    }
}
