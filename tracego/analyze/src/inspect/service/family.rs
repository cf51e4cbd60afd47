//! Decides which processes form one service: a master and its workers.

use std::collections::HashMap;

use crate::inspect::proc::{
    procfs::{Process, Procfs},
    root::FileId,
};

/// Maximum number of ancestors that are looked at.
const DEPTH_MAX: usize = 64;

/// Relations between processes. Each process is looked up once.
#[derive(Debug)]
pub struct ProcessFamily<'a> {
    procfs: &'a Procfs,
    known: HashMap<u32, Option<Member>>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    parent: u32,
    group: u32,
    executable: Option<FileId>,
}

impl<'a> ProcessFamily<'a> {
    /// Creates an empty cache.
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

    /// Returns a process and its ancestors, nearest first, without process 1, which adopts orphans.
    fn line(&mut self, pid: u32) -> Vec<u32> {
        let mut line = Vec::new();
        let mut at = pid;
        while at > 1 && line.len() < DEPTH_MAX && !line.contains(&at) {
            line.push(at);
            at = self.member(at).map_or(0, |member| member.parent);
        }
        line
    }

    /// Returns whether one of two processes is an ancestor of the other.
    pub fn in_line(&mut self, one: u32, other: u32) -> bool {
        self.line(one).contains(&other) || self.line(other).contains(&one)
    }

    /// Returns whether two processes run the same file.
    pub fn same_executable(&mut self, one: u32, other: u32) -> bool {
        let (one, other) = (self.member(one), self.member(other));
        one.and_then(|one| one.executable)
            .is_some_and(|id| other.and_then(|other| other.executable) == Some(id))
    }

    /// Returns whether two processes of one executable are one service. That is so when one is an ancestor of
    /// the other, when they have a common ancestor that runs the same file, or when they share a process
    /// group whose leader runs the same file or is gone (workers whose master ended).
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
