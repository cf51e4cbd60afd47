//! Which processes are one service together: a master and its workers.

use std::collections::HashMap;

use super::{
    proc::{Process, Procfs},
    root::FileId,
};

/// Ancestors that are looked at.
const DEPTH_MAX: usize = 64;

/// Answers about relations, each process looked up once.
#[derive(Debug)]
pub struct Family<'a> {
    procfs: &'a Procfs,
    known: HashMap<u32, Option<Member>>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    parent: u32,
    group: u32,
    executable: Option<FileId>,
}

impl<'a> Family<'a> {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(procfs: &'a Procfs) -> Self {
        Self { procfs, known: HashMap::new() }
    }

    fn member(&mut self, pid: u32) -> Option<Member> {
        let procfs = self.procfs;
        let look = |process: Process| Member {
            parent: process.parent,
            group: process.group,
            executable: process.executable().ok(),
        };
        *self.known.entry(pid).or_insert_with(|| procfs.current(pid).ok().map(look))
    }

    /// A process and what is above it, nearest first; without process 1, which adopts.
    fn line(&mut self, pid: u32) -> Vec<u32> {
        let mut line = Vec::new();
        let mut at = pid;
        while at > 1 && line.len() < DEPTH_MAX && !line.contains(&at) {
            line.push(at);
            at = self.member(at).map_or(0, |member| member.parent);
        }
        line
    }

    /// Whether one of two processes comes from the other.
    pub fn in_line(&mut self, one: u32, other: u32) -> bool {
        self.line(one).contains(&other) || self.line(other).contains(&one)
    }

    /// Whether two processes run the same file.
    pub fn same_executable(&mut self, one: u32, other: u32) -> bool {
        let (one, other) = (self.member(one), self.member(other));
        one.and_then(|one| one.executable)
            .is_some_and(|id| other.and_then(|other| other.executable) == Some(id))
    }

    /// Whether two processes of one executable are one service: one comes from the other, both come
    /// from a third that runs the same file, or they are in one process group whose leader runs the
    /// same file or is gone (workers whose master ended).
    pub fn together(&mut self, one: u32, other: u32) -> bool {
        if self.in_line(one, other) {
            return true;
        }
        let above = self.line(other);
        let shared = self.line(one).into_iter().filter(|pid| above.contains(pid)).collect::<Vec<_>>();
        if shared.into_iter().any(|pid| self.same_executable(pid, one)) {
            return true;
        }
        match (self.member(one), self.member(other)) {
            (Some(one_is), Some(other_is)) if one_is.group == other_is.group => {
                let leader = one_is.group;
                self.member(leader).is_none() || self.same_executable(leader, one)
            }
            _ => false,
        }
    }
}
