//! The part of an input that policies read; the rest need not be built.

use crate::compiler::InputUse;

/// A tree of the members that policies read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Projection {
    /// The member and everything below it.
    All,
    /// Only the given members.
    Members(ProjectedMembers),
}

/// Members by name. Every member of a record is looked up here and most are not found, hence the bit filter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProjectedMembers {
    /// Names and their subtrees, few and in no order.
    members: Vec<(String, Projection)>,
    /// Filter with the bit of each name; see [`bit`].
    bits: u64,
}

impl ProjectedMembers {
    const NONE: Self = Self { members: Vec::new(), bits: 0 };

    fn get(&self, name: &str) -> Option<&Projection> {
        if self.bits & bit(name) == 0 {
            return None;
        }
        self.members.iter().find(|(known, _)| known == name).map(|(_, projection)| projection)
    }

    /// Removes a member that is read in whole. Returns whether it was there.
    fn remove(&mut self, name: &str) -> bool {
        let before = self.members.len();
        self.members.retain(|(known, projection)| known != name || *projection != Projection::All);
        self.bits = self.members.iter().fold(0, |bits, (known, _)| bits | bit(known));
        self.members.len() < before
    }

    fn get_or_insert(&mut self, name: &str) -> &mut Projection {
        let at = self.members.iter().position(|(known, _)| known == name).unwrap_or(self.members.len());
        if at == self.members.len() {
            self.members.push((name.to_owned(), Projection::Members(Self::NONE)));
            self.bits |= bit(name);
        }
        &mut self.members[at].1
    }
}

/// Returns the filter bit of a name, which depends on its length and its first and last byte.
fn bit(name: &str) -> u64 {
    let at = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    let bytes = name.as_bytes();
    1 << ((bytes.len() * 7 + at(bytes.first()) * 5 + at(bytes.last())) % 64)
}

/// Alias members, and the paths that they stand for.
const ALIASES: &[(&[&str], &[&[&str]])] = &[
    (&["process", "argv"], &[&["process", "command_args"]]),
    (&["process", "args"], &[&["process", "command_args"]]),
    (&["process", "name"], &[&["process", "executable", "name"], &["process", "command"]]),
    (&["process", "cwd"], &[&["process", "working_directory"]]),
    (&["process", "user_id"], &[&["process", "user", "id"]]),
    (&["process", "env"], &[&["process", "environment_variable"]]),
    (&["job"], &[&["tracego", "job"]]),
    (&["findings"], &[&["tracego", "findings"]]),
    (&["provenance"], &[&["tracego", "provenance"]]),
];

impl Projection {
    pub(crate) fn from_input_use(input_use: &InputUse) -> Self {
        if input_use.whole {
            return Self::All;
        }
        let mut projection = Self::Members(ProjectedMembers::NONE);
        for path in &input_use.paths {
            projection.add(path.iter().map(String::as_str));
            for (alias, sources) in ALIASES {
                let both = path.iter().zip(*alias).all(|(part, alias)| part == alias);
                if both {
                    let rest = path.get(alias.len()..).unwrap_or_default();
                    for source in *sources {
                        projection.add(source.iter().copied().chain(rest.iter().map(String::as_str)));
                    }
                }
            }
        }
        projection
    }

    fn add<'a>(&mut self, mut path: impl Iterator<Item = &'a str>) {
        match (path.next(), &mut *self) {
            (_, Self::All) => {}
            (None, Self::Members(_)) => *self = Self::All,
            (Some(first), Self::Members(members)) => {
                members.get_or_insert(first).add(path);
            }
        }
    }

    /// Removes a member that policies read in whole, by its path. Returns whether it was there; a member of one
    /// that is read in whole is not.
    pub(super) fn remove(&mut self, path: &[&str]) -> bool {
        match (path, self) {
            ([last], Self::Members(members)) => members.remove(last),
            ([first, rest @ ..], Self::Members(members)) => members
                .members
                .iter_mut()
                .find(|(known, _)| known == first)
                .is_some_and(|(_, projection)| projection.remove(rest)),
            _ => false,
        }
    }

    /// Returns the part of a member that policies read; `None` if they do not read it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::All => Some(&Self::All),
            Self::Members(members) => members.get(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_wants_what_it_stands_for() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let mut input_use = InputUse::default();
        input_use.paths.insert(path("process.env.CI"));
        input_use.paths.insert(path("findings"));
        let projection = Projection::from_input_use(&input_use);
        let at = |text: &str| path(text).iter().try_fold(&projection, |at, name| at.member(name)).is_some();
        assert!(at("process.environment_variable.CI") && at("tracego.findings.anything"));
        assert!(!at("process.environment_variable.HOME") && !at("process.command_args") && !at("body"));
        input_use.paths.insert(path("process"));
        let projection = Projection::from_input_use(&input_use);
        assert_eq!(projection.member("process"), Some(&Projection::All));
    }
}
