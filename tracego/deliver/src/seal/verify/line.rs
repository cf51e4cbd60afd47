//! A parsed line of a log. The content is untrusted.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::IgnoredAny};
use tracego_model::{
    clock::Time,
    record::{
        event_name,
        seal::{ChainStart, KeyEpoch, Seal},
    },
};

use crate::seal::{
    chain::{LINK, Link, Parts, is_torn, split, unhex},
    key::PublicKey,
    tally::Facts,
};

/// A line that is a record.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// Number of the line: its number in the chain if it has one, otherwise its `seq`.
    pub(crate) seq: u64,
    /// Id of the record, `log.record.uid`.
    pub(crate) uid: &'a str,
    /// Id of the run, `service.instance.id`; empty in a lean record.
    pub(crate) instance: &'a str,
    /// Whether the record does not say of which run it is.
    pub(crate) is_lean: bool,
    name: &'a str,
    own: Own<'a>,
}

#[derive(Deserialize)]
struct Whole<'a> {
    event_name: &'a str,
    seq: u64,
    #[serde(borrow)]
    log: Log<'a>,
    #[serde(borrow)]
    service: Option<Service<'a>>,
    #[serde(borrow)]
    tracego: Own<'a>,
}

#[derive(Deserialize)]
struct Log<'a> {
    #[serde(borrow)]
    record: LogRecord<'a>,
}

#[derive(Deserialize)]
struct LogRecord<'a> {
    uid: &'a str,
}

#[derive(Deserialize)]
struct Service<'a> {
    #[serde(borrow)]
    instance: Instance<'a>,
}

#[derive(Deserialize)]
struct Instance<'a> {
    id: &'a str,
}

#[derive(Debug, Deserialize)]
struct Own<'a> {
    #[serde(borrow)]
    job: Option<Job<'a>>,
    #[serde(borrow, rename = "ref")]
    references: Option<JobReference<'a>>,
    executable: Option<Executable>,
    completeness: Option<Completeness>,
    lost: Option<BTreeMap<String, u64>>,
    findings: Option<IgnoredAny>,
    enforcement: Option<Enforcement>,
    policy: Option<Policy>,
    chain_start: Option<ChainStart>,
    chain_seq: Option<u64>,
    seal: Option<Seal>,
}

#[derive(Debug, Deserialize)]
struct Job<'a> {
    #[serde(borrow)]
    root: Option<Root<'a>>,
    pod: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct JobReference<'a> {
    job: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct Root<'a> {
    exec_id: &'a str,
}

#[derive(Debug, Deserialize)]
struct Enforcement {
    action: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Policy {
    allow: Option<bool>,
    violations: Vec<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Executable {
    unread: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Completeness {
    truncated: Vec<IgnoredAny>,
    unavailable: Vec<IgnoredAny>,
}

/// A record with a link.
#[derive(Deserialize)]
struct Linked {
    #[serde(rename = "tracego")]
    _own: LinkedOwn,
}

#[derive(Deserialize)]
struct LinkedOwn {
    #[serde(rename = "chain")]
    _chain: IgnoredAny,
}

/// Returns how a line that carries a link differs in form from all lines that tracego writes; `None` for a line that
/// does not, or carries none. Such a line is no line of a run without `--seal`.
pub(super) fn changed_form(line: &[u8]) -> Option<&'static str> {
    let inner = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if split(line).is_some() || is_torn(line) || serde_json::from_slice::<Linked>(inner).is_err() {
        return None;
    }
    Some(match line.last() {
        Some(b'\r') => "it ends with a carriage return: the line ends were converted",
        _ => "it carries a link and is not in the form in which lines are written",
    })
}

impl<'a> Known<'a> {
    /// Parses a line. Returns `None` if it is not a record.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        let whole: Whole<'a> = serde_json::from_slice(line).ok()?;
        Some(Self {
            seq: whole.tracego.chain_seq.unwrap_or(whole.seq),
            uid: whole.log.record.uid,
            is_lean: whole.service.is_none(),
            instance: whole.service.map_or("", |service| service.instance.id),
            name: whole.event_name,
            own: whole.tracego,
        })
    }

    /// Returns the facts about the line that are counted.
    pub(crate) fn facts(&self) -> Facts<'_> {
        let (own, seal) = (&self.own, self.seal());
        let completeness = own.completeness.as_ref();
        let unread = own.executable.as_ref().is_some_and(|file| file.unread.is_some());
        let key = own.job.as_ref().and_then(|job| job.root.as_ref().map(|root| root.exec_id).or(job.pod));
        Facts {
            seq: self.seq,
            time: Time::default(),
            event: [event_name::START, event_name::EXIT, event_name::FORK, event_name::EXEC_FAILED]
                .contains(&self.name),
            truncated: completeness.is_some_and(|whole| !whole.truncated.is_empty()),
            unread: unread || completeness.is_some_and(|whole| !whole.unavailable.is_empty()),
            lost: own.lost.as_ref().map(Cow::Borrowed),
            job: seal.and_then(|seal| seal.job.as_deref()).or(key).map(Cow::Borrowed),
            job_reference: own.references.as_ref().and_then(|references| references.job).map(Cow::Borrowed),
            seal: seal.map(|seal| seal.scope),
            urgent: own.findings.is_some()
                || own.enforcement.as_ref().is_some_and(|enforcement| enforcement.action.is_some())
                || own
                    .policy
                    .as_ref()
                    .is_some_and(|policy| policy.allow == Some(false) || !policy.violations.is_empty()),
        }
    }

    /// Returns the seal of this file's chain, if the line is one. A seal of the run in the file of a sink is
    /// an ordinary record there.
    pub(crate) fn seal(&self) -> Option<&Seal> {
        let is_own = |seal: &&Seal| seal.sink.is_some() == self.is_numbered();
        self.own.seal.as_ref().filter(|_| self.name == event_name::SEAL).filter(is_own)
    }

    /// Returns the public key of the next epoch, if an evolving key signed the line.
    pub(crate) fn next_key(&self) -> Option<PublicKey> {
        PublicKey::from_hex(&self.key_epoch()?.next_key)
    }

    /// Returns the number of the epoch whose key signed the line.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.key_epoch().map(|epoch| epoch.epoch)
    }

    fn key_epoch(&self) -> Option<&KeyEpoch> {
        let of_opening = || self.opening().and_then(|start| start.epoch.as_ref());
        self.seal().and_then(|seal| seal.epoch.as_ref()).or_else(of_opening)
    }

    /// Whether the line is in the file of a sink, which has records of several runs.
    pub(crate) fn is_numbered(&self) -> bool {
        self.own.chain_seq.is_some()
    }

    /// Returns the start of the chain, if the line is the first record of a run.
    pub(crate) fn opening(&self) -> Option<&ChainStart> {
        let is_own = |start: &&ChainStart| start.sink.is_some() == self.is_numbered();
        self.own.chain_start.as_ref().filter(|_| self.name == event_name::SEAL_OPENED).filter(is_own)
    }
}

/// A line of a sealed run: a record that carries its link.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    /// The parsed record.
    pub(crate) known: Known<'a>,
    /// The line split into body, link and signature.
    pub(crate) parts: Parts<'a>,
}

impl<'a> Sealed<'a> {
    /// Parses a line. Returns `None` if it is not a record with a link.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        Some(Self { parts: split(line)?, known: Known::of(line)? })
    }

    /// Whether the line was written after the given link.
    pub(crate) fn follows(&self, link: Link) -> bool {
        link.record(self.parts.body) == self.parts.link
    }

    /// Returns the link at which the chain of a new run starts. Returns `None` if the line opens no run, or
    /// was changed.
    pub(crate) fn opens(&self) -> Option<Link> {
        let nonce: [u8; LINK] = unhex(self.known.opening()?.nonce.as_bytes())?;
        Some(Link::start(&nonce)).filter(|start| self.follows(*start))
    }
}
