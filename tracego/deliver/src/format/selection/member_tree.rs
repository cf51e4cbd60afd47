//! A choice of members as a tree of names.

use std::sync::Arc;

/// The choice for a value and for the members below it.
#[derive(Clone, Debug)]
pub(in crate::format) struct MemberTree {
    /// Whether members are written that no branch is about, and the value itself, if it has no members.
    keeps_others: bool,
    branches: Vec<(Box<str>, MemberTree)>,
    /// The choice that the names of the members are looked up in, dots for nesting.
    by_name: Option<Arc<MemberTree>>,
    /// Whether a member says that others were left out.
    pub(super) is_marked: bool,
}

impl MemberTree {
    /// Creates a tree that keeps everything, or nothing.
    pub(super) fn new(keeps: bool) -> Self {
        Self { keeps_others: keeps, branches: Vec::new(), by_name: None, is_marked: false }
    }

    /// Sets whether the member at a path is written, with everything below it. A path without names is no member.
    pub(super) fn set(&mut self, path: &[&str], keeps: bool) {
        if !path.is_empty() {
            *self.branch_mut(path) = Self::new(keeps);
        }
    }

    /// Makes the choice of the members at a path that of their names, unless they are left out.
    pub(super) fn name_by_chosen(&mut self, path: &[&str]) {
        let all = Arc::new(self.clone());
        if self.keeps(path) {
            self.branch_mut(path).by_name = Some(all);
        }
    }

    /// Makes the object at a path say that members were left out.
    pub(super) fn mark(&mut self, path: &[&str]) {
        self.branch_mut(path).is_marked = true;
    }

    fn branch_mut(&mut self, path: &[&str]) -> &mut Self {
        let [name, rest @ ..] = path else { return self };
        let at = self.branches.iter().position(|(known, _)| **known == **name).unwrap_or_else(|| {
            self.branches.push(((*name).into(), Self::new(self.keeps_others)));
            self.branches.len() - 1
        });
        self.branches[at].1.branch_mut(rest)
    }

    /// Returns the choice below a member that not all or nothing is written of.
    pub(in crate::format) fn below(&self, name: &str) -> Option<&Self> {
        self.branches.iter().find(|(known, _)| **known == *name).map(|(_, branch)| branch)
    }

    /// Whether the choice is the same for everything below: `Some(true)` if all of it is written.
    pub(super) fn uniform(&self) -> Option<bool> {
        let is_leaf = self.branches.is_empty() && self.by_name.is_none() && !self.is_marked;
        is_leaf.then_some(self.keeps_others)
    }

    /// Whether a member is written that no branch is about.
    pub(super) fn keeps_other(&self, name: &str) -> bool {
        match &self.by_name {
            Some(all) => all.keeps_name(name),
            None => self.keeps_others,
        }
    }

    /// Whether the member is written that a name is of, such as `process.command_args[3]`.
    fn keeps_name(&self, name: &str) -> bool {
        let below = |(known, branch): &(Box<str>, Self)| {
            let rest = name.strip_prefix(&**known)?;
            let is_whole = rest.is_empty() || rest.starts_with(['.', '[']);
            is_whole.then(|| branch.keeps_name(rest.get(1..).unwrap_or_default()))
        };
        self.branches.iter().find_map(below).unwrap_or(self.keeps_others)
    }

    /// Whether a value without members is written.
    pub(super) fn keeps_value(&self) -> bool {
        self.keeps_others
    }

    /// Whether the member at a path is written, if it has no members.
    pub(in crate::format) fn keeps(&self, path: &[&str]) -> bool {
        match path {
            [] => self.keeps_others,
            [name, rest @ ..] => self.below(name).map_or(self.keeps_others, |branch| branch.keeps(rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_name_decides() {
        let mut tree = MemberTree::new(true);
        tree.set(&["a"], false);
        tree.set(&["a", "b"], true);
        tree.set(&["a", "b", "c"], false);
        tree.set(&[], false);
        for (path, keeps) in [
            (&["x"][..], true),
            (&["x", "y"], true),
            (&["a"], false),
            (&["a", "x"], false),
            (&["a", "b"], true),
            (&["a", "b", "x", "y"], true),
            (&["a", "b", "c"], false),
            (&["a", "b", "c", "x"], false),
        ] {
            assert_eq!(tree.keeps(path), keeps, "{path:?}");
        }
        // A name takes the place of all below it.
        tree.set(&["a"], true);
        assert!(tree.keeps(&["a", "b", "c"]));
        assert_eq!(tree.below("a").and_then(MemberTree::uniform), Some(true));
        assert_eq!(tree.uniform(), None);
    }
}
