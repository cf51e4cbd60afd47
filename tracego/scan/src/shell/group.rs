//! Groups of commands: `( … )`, `{ … }`, loops and branches.

use crate::word::Word;

/// Maximum number of groups in groups.
const MAX_GROUPS: usize = 256;

/// The kind of a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GroupKind {
    /// `( … )`
    Parenthesis,
    /// `{ … }`
    Brace,
    /// `for … done`, `while … done`, `until … done`
    Loop,
    /// `if … fi`
    Branch,
    /// `case … esac`
    Case,
}

impl GroupKind {
    /// Returns the kind of the group that a word begins.
    pub(super) fn opened_by(word: &Word) -> Option<Self> {
        match word.text.bytes() {
            b"{" => Some(Self::Brace),
            b"for" | b"while" | b"until" | b"select" => Some(Self::Loop),
            b"if" => Some(Self::Branch),
            b"case" => Some(Self::Case),
            _ => None,
        }
    }

    /// Returns the kind of the group that a word ends.
    pub(super) fn closed_by(word: &Word) -> Option<Self> {
        match word.text.bytes() {
            b"}" => Some(Self::Brace),
            b"done" => Some(Self::Loop),
            b"fi" => Some(Self::Branch),
            b"esac" => Some(Self::Case),
            _ => None,
        }
    }
}

/// A loop over known words.
#[derive(Debug)]
pub(super) struct WordLoop {
    /// Name of the variable.
    pub(super) name: String,
    /// Words behind the first.
    pub(super) rest: Vec<Word>,
    /// Position of the body.
    pub(super) start: usize,
}

/// A group whose end has not been reached.
#[derive(Debug)]
struct OpenGroup {
    kind: GroupKind,
    /// Number of commands in front of it.
    start: usize,
    repeated: Option<WordLoop>,
}

/// The groups around a command.
#[derive(Debug, Default)]
pub(super) struct Groups {
    open: Vec<OpenGroup>,
    /// Number of commands in front of the group that has ended last, if nothing came behind it.
    ended: Option<usize>,
}

impl Groups {
    pub(super) fn open(&mut self, kind: GroupKind, start: usize) {
        self.ended = None;
        if self.open.len() < MAX_GROUPS {
            self.open.push(OpenGroup { kind, start, repeated: None });
        }
    }

    /// Ends the innermost group of a kind, and those in it. Returns the words that a loop goes over.
    pub(super) fn close(&mut self, kind: GroupKind) -> Option<WordLoop> {
        let index = self.open.iter().rposition(|group| group.kind == kind)?;
        let group = self.open.drain(index..).next()?;
        self.ended = Some(group.start);
        group.repeated
    }

    /// Notes the words that the innermost loop goes over.
    pub(super) fn set_loop(&mut self, repeated: WordLoop) {
        if let Some(group) = self.open.last_mut().filter(|group| group.kind == GroupKind::Loop) {
            group.repeated = Some(repeated);
        }
    }

    /// Returns the number of commands in front of the group that has ended last, if nothing came behind it.
    pub(super) fn ended(&self) -> Option<usize> {
        self.ended
    }

    /// Notes that something stands behind the group that has ended last.
    pub(super) fn go_on(&mut self) {
        self.ended = None;
    }

    /// Whether a closing parenthesis belongs to a group or a pattern.
    pub(super) fn takes_parenthesis(&self) -> bool {
        self.is_pattern() || self.open.iter().any(|group| group.kind == GroupKind::Parenthesis)
    }

    /// Whether a closing parenthesis ends a pattern of `case`.
    pub(super) fn is_pattern(&self) -> bool {
        self.open.last().is_some_and(|group| group.kind == GroupKind::Case)
    }

    /// Whether a branch of `if` or `case` is around.
    pub(super) fn is_branch(&self) -> bool {
        self.open.iter().any(|group| matches!(group.kind, GroupKind::Branch | GroupKind::Case))
    }

    /// Whether a closing brace belongs to a group.
    pub(super) fn takes_brace(&self) -> bool {
        self.open.iter().any(|group| group.kind == GroupKind::Brace)
    }
}
