//! The check that no reference dangles: each file is complete by itself.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use super::{
    damage::{Damage, Kind},
    input::Line,
};
use crate::detail::line_ids::{IdKind, LineIds};

/// Longest id that is shown.
const SHOWN: usize = 96;

/// The ids that the lines of the current file stand for, and the first that is missing.
#[derive(Default)]
pub(super) struct ReferenceCheck {
    hash: RandomState,
    file: String,
    given: HashSet<(IdKind, u64)>,
    count: u64,
    dangling: Option<Damage>,
}

impl ReferenceCheck {
    /// Adds the next line.
    pub(super) fn take(&mut self, line: &Line) {
        if self.file != line.file {
            self.file.clone_from(&line.file);
            self.given.clear();
        }
        let Some(ids) = LineIds::of(&line.bytes) else { return };
        for id in ids.needed() {
            self.count += 1;
            let is_given = self.given.contains(&(id.kind, self.hash.hash_one(id.id)));
            if !is_given && self.dangling.is_none() {
                let shown: String = id.id.chars().take(SHOWN).flat_map(char::escape_default).collect();
                let detail = format!(
                    "no {} with {} {shown} is ahead of it in this file",
                    id.kind.record(),
                    if id.kind == IdKind::Process { "tracego.exec_id" } else { id.member },
                );
                self.dangling = Some(Damage::at(line, Kind::Dangling, detail));
            }
        }
        let hash = &self.hash;
        self.given.extend(ids.given().map(|id| (id.kind, hash.hash_one(id.id))));
    }

    /// Returns the number of references that were looked up.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the first reference without its record.
    pub(super) fn dangling(&mut self) -> Option<Damage> {
        self.dangling.take()
    }
}
