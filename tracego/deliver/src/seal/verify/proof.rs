//! Proof by signatures: the keys that may have signed, and the lines that no signature covers.

use std::collections::{HashSet, VecDeque};

use serde::Serialize;

use super::{input::Line, line::Sealed};
use crate::seal::{
    chain::{LINK, Link},
    key::PublicKey,
};

/// Maximum number of signed records that a later run may name.
const HEADS_MAX: usize = 1 << 16;

/// The keys that may sign the next record.
#[derive(Clone, Debug)]
pub(super) struct Signatures {
    current: PublicKey,
    /// Key of the next epoch, if the key evolves.
    next: Option<PublicKey>,
    /// Whether records before the first valid signature are accepted: the log begins in the middle, in an
    /// epoch before that of the key. The links of the log bind them to that signature.
    is_partial: bool,
}

impl Signatures {
    pub(super) fn new(key: PublicKey, is_partial: bool) -> Self {
        Self { current: key, next: None, is_partial }
    }

    /// Verifies the signature of a record that has to be signed. Returns whether it proves the lines up to
    /// the record.
    ///
    /// # Errors
    /// Fails if the signature is missing or not valid.
    pub(super) fn verify(&mut self, record: &Sealed<'_>, before: Link) -> Result<bool, String> {
        let valid = record.parts.signed.map(|(body, signature)| {
            let link = before.record(body);
            [Some(&self.current), self.next.as_ref()]
                .map(|key| key.is_some_and(|key| key.verifies(link, &signature)))
        });
        match valid {
            Some([true, _]) => {}
            Some([_, true]) => self.current = self.next.take().unwrap_or_else(|| self.current.clone()),
            _ if self.is_partial => return Ok(false),
            None => return Err("it is not signed".to_owned()),
            Some(_) => {
                let epoch = record.known.epoch().map(|epoch| format!("; it names epoch {epoch}"));
                let id = self.current.id();
                return Err(format!("its signature is not by the key {id}{}", epoch.unwrap_or_default()));
            }
        }
        self.is_partial = false;
        self.next = record.known.next_key();
        Ok(true)
    }

    /// Returns the key that verifies what follows: that of the next epoch, if there is one.
    pub(super) fn following(&self) -> &PublicKey {
        self.next.as_ref().unwrap_or(&self.current)
    }
}

/// A place in a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Place {
    /// Name of the file.
    pub file: String,
    /// Number of the line in the file, from 1.
    pub line: u64,
}

impl From<&Line> for Place {
    fn from(line: &Line) -> Self {
        Self { file: line.file.clone(), line: line.number }
    }
}

/// The lines that no signature covers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Unproven {
    /// Number of lines.
    pub records: u64,
    /// Place of the first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Place>,
    /// `seq` of the first line; `chain_seq` in the file of a sink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<u64>,
    /// Number of runs without their last seal, so that more lines may have followed.
    pub open_runs: u64,
    /// Number of runs that do not say which run was before them, so runs may have been left out or moved.
    pub unlinked_runs: u64,
}

impl Unproven {
    /// Adds a line.
    pub(super) fn add(&mut self, line: &Line, seq: u64) {
        self.records += 1;
        if self.first.is_none() {
            (self.first, self.first_seq) = (Some(line.into()), Some(seq));
        }
    }

    /// Adds the lines at the end of a run.
    pub(super) fn merge(&mut self, tail: Self) {
        self.records += tail.records;
        self.open_runs += tail.open_runs;
        self.unlinked_runs += tail.unlinked_runs;
        if self.first.is_none() {
            (self.first, self.first_seq) = (tail.first, tail.first_seq);
        }
    }

    /// Whether everything is proven.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0 && self.open_runs == 0 && self.unlinked_runs == 0
    }
}

/// The links of signed records, the last of which the next run may name.
#[derive(Debug, Default)]
pub(super) struct Heads {
    links: HashSet<[u8; LINK]>,
    order: VecDeque<[u8; LINK]>,
}

impl Heads {
    pub(super) fn add(&mut self, link: Link) {
        if self.links.insert(link.0) {
            self.order.push_back(link.0);
        }
        if self.order.len() > HEADS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.links.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, link: Link) -> bool {
        self.links.contains(&link.0)
    }
}

/// The end of a verified log, to be kept elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    /// Link of the last record, for `--expect-head`.
    pub link: String,
    /// Public key of the records that follow, for `--key` with `--partial`; present if a key was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
