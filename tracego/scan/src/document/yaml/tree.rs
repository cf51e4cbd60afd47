//! The trees of the documents in a YAML file.

use std::{collections::HashMap, rc::Rc};

use granit_parser::{Event, Parser, Span, options};

use super::{Content, Node};
use crate::text::Text;

/// Maximum depth of a tree.
const MAX_NESTING: usize = 64;

/// A collection whose end has not been reached.
struct Open {
    is_mapping: bool,
    children: Vec<Rc<Node>>,
    anchor: usize,
    tag: Option<String>,
}

/// Parses a file. Returns its documents, and the reason why the rest could not be read.
pub(in crate::document) fn parse(bytes: &[u8]) -> (Vec<Rc<Node>>, Option<String>) {
    parse_within(bytes, None)
}

/// Parses YAML that stands in a text of another file.
pub(in crate::document) fn parse_text(text: &Text) -> Vec<Rc<Node>> {
    parse_within(text.bytes(), Some(text)).0
}

fn parse_within(bytes: &[u8], outer: Option<&Text>) -> (Vec<Rc<Node>>, Option<String>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return (Vec::new(), Some(format!("not UTF-8 at byte {}", error.valid_up_to()))),
    };
    let limits = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_NESTING,
        block_nesting_limit: MAX_NESTING,
    };
    let mut builder =
        Builder { bytes, outer, documents: Vec::new(), open: Vec::new(), anchors: HashMap::new() };
    for event in Parser::new_from_str_with_options(text, limits) {
        match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => {
                builder.close_all();
                return (builder.documents, Some(error.to_string()));
            }
        }
    }
    (builder.documents, None)
}

struct Builder<'a> {
    bytes: &'a [u8],
    /// Text of another file that the bytes are.
    outer: Option<&'a Text>,
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let range = span.byte_range().unwrap_or(0..0);
        let tag = event.tag().map(|tag| tag.suffix().trim_start_matches('!').to_owned());
        match event {
            Event::Scalar(value, _, anchor, _) => {
                let text = Text::decoded(self.bytes, range, &value);
                let text = self.outer.map_or_else(|| text.clone(), |outer| text.within(outer));
                let content = Content::Scalar(text);
                self.add(Rc::new(Node { content, tag, depth: 0 }), anchor);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(false, anchor, tag),
            Event::MappingStart(_, anchor, _) => self.begin(true, anchor, tag),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => {
                // Aliases of aliases can be deeper than the text.
                let target = self.anchors.get(&id).filter(|target| target.depth < MAX_NESTING);
                self.add(target.cloned().unwrap_or_else(empty), 0);
            }
            Event::UnresolvedAlias(_) => self.add(empty(), 0),
            _ => {}
        }
    }

    fn begin(&mut self, is_mapping: bool, anchor: usize, tag: Option<String>) {
        self.open.push(Open { is_mapping, children: Vec::new(), anchor, tag });
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let depth = 1 + open.children.iter().map(|child| child.depth).max().unwrap_or_default();
        let content = if open.is_mapping {
            let mut children = open.children.into_iter();
            let mut entries = Vec::new();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            Content::Mapping(entries)
        } else {
            Content::Sequence(open.children)
        };
        self.add(Rc::new(Node { content, tag: open.tag, depth }), open.anchor);
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.documents.push(node),
        }
    }

    /// Closes what an error left open, so that what stands in front of it is read.
    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.end();
        }
    }
}

fn empty() -> Rc<Node> {
    Rc::new(Node { content: Content::Scalar(Text::default()), tag: None, depth: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_know_where_they_stand() {
        let file = b"a: &x\n  - run: |\n      go run .\n      b\n  - 'q''s'\nb: *x\nc: {<<: {d: 1}}\n";
        let (documents, problem) = parse(file);
        assert_eq!(problem, None);
        let root = &documents[0];
        let text = root.at(&["a"]).unwrap().elements()[0].get("run").unwrap().text().unwrap().clone();
        assert_eq!(text.to_str(), "go run .\nb\n");
        assert_eq!(&file[text.place(0) as usize..][..6], b"go run");
        assert_eq!(&file[text.place(9) as usize..][..2], b"b\n");
        assert_eq!(root.get("b").unwrap().elements().len(), 2);
        assert_eq!(root.at(&["c", "d"]).unwrap().value().unwrap(), "1");
    }

    #[test]
    fn what_stands_before_an_error_is_read() {
        let (documents, problem) = parse(b"a:\n  b: go run .\n  c: [\n");
        assert!(problem.is_some());
        assert_eq!(documents[0].at(&["a", "b"]).unwrap().value().unwrap(), "go run .");
        assert!(parse(b"\xff").1.unwrap().contains("UTF-8"));
    }
}
