//! Classification of the damage at the first line of a log that is not as it was written.

use std::{fmt, io};

use serde::Serialize;

use super::{
    input::{Line, Lines},
    line::{Known, Sealed},
};
use crate::seal::chain::{LINK, Link};

/// The kind of a damage.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The line is not as it was written.
    Changed,
    /// Lines before it are missing.
    Removed,
    /// A record is at the wrong place.
    Moved,
    /// The line was not written at this place.
    Added,
    /// The line is intact, but its statements about the lines before it, or its signature, are wrong.
    Seal,
    /// The line is intact, but its file does not have the record that it refers to, or has it only further down.
    Dangling,
}

/// The first damage of a log.
#[derive(Clone, Debug, Serialize)]
pub struct Damage {
    /// Kind of the damage, as far as it can be known.
    pub kind: Kind,
    /// File in which the damage was found.
    pub file: String,
    /// Line at which the damage was found, from 1.
    pub line: u64,
    /// `seq` of the record, or of the first missing one; `chain_seq` in the file of a sink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// `log.record.uid` of the record at that place; absent if the record is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Description of the damage.
    pub detail: String,
}

impl Damage {
    /// Creates a damage at a line.
    #[must_use]
    pub fn at(line: &Line, kind: Kind, detail: impl Into<String>) -> Self {
        let known = Known::of(&line.bytes);
        Self {
            kind,
            file: line.file.clone(),
            line: line.number,
            seq: known.as_ref().map(|known| known.seq),
            uid: known.map(|known| known.uid.to_owned()),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Changed => "changed",
            Kind::Removed => "removed",
            Kind::Moved => "moved",
            Kind::Added => "added",
            Kind::Seal => "a seal that is not true",
            Kind::Dangling => "a reference that dangles",
        };
        write!(f, "{}:{}: {kind}", self.file, self.line)?;
        if let Some(seq) = self.seq {
            write!(f, ": seq {seq}")?;
        }
        if let Some(uid) = &self.uid {
            write!(f, ", log.record.uid ")?;
            uid.chars().take(64).try_for_each(|c| write!(f, "{}", c.escape_default()))?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// Classifies the damage where a run does not begin with its first record. Reads the rest of the log.
///
/// # Errors
/// Fails if the log cannot be read.
pub(super) fn headless(line: &Line, is_first: bool, lines: &mut Lines) -> io::Result<Damage> {
    let Some(sealed) = Sealed::of(&line.bytes) else {
        return Ok(Damage::at(line, Kind::Changed, "the line is not what was written"));
    };
    let opening = "the first record of the run is not what was written";
    if sealed.known.opening().is_some() {
        return Ok(Damage::at(line, Kind::Changed, opening));
    }
    let next = lines.next_line()?;
    if next.as_ref().and_then(|next| Sealed::of(&next.bytes)).is_some_and(|next| next.known.seq == 2) {
        return Ok(Damage::at(line, Kind::Changed, opening));
    }
    // No line has the zero link before it, so no line is taken for a successor.
    let rest = Rest::read(Link([0; LINK]), line, next, lines)?;
    if let Some(copy) = rest.copy {
        return Ok(Damage::at(line, Kind::Added, format!("the same stands in line {copy}")));
    }
    if rest.predecessor {
        return Ok(Damage::at(line, Kind::Moved, "it belongs further down"));
    }
    let text = if is_first {
        "the log begins in the middle of a run: what was before is missing (--partial takes it)"
    } else {
        "the first record of its run is missing"
    };
    Ok(Damage { seq: Some(1), uid: None, ..Damage::at(line, Kind::Removed, text) })
}

/// The findings in the rest of the log about a line that does not follow the one before.
#[derive(Default)]
struct Rest {
    /// Position and number of the line that does follow.
    successor: Option<(Line, u64)>,
    /// Whether that successor is the very next line.
    is_next: bool,
    /// Number of the next line, and whether it follows this one.
    next: Option<(u64, bool)>,
    /// Number of a line with the same link.
    copy: Option<u64>,
    /// Whether the line that this one follows comes later.
    predecessor: bool,
}

impl Rest {
    fn read(link: Link, line: &Line, next: Option<Line>, lines: &mut Lines) -> io::Result<Self> {
        let own = Sealed::of(&line.bytes);
        let mut rest = Self::default();
        let mut following = next;
        let mut first = true;
        while let Some(line) = following {
            if let Some(sealed) = Sealed::of(&line.bytes) {
                let seq = sealed.known.seq;
                if first {
                    let follows = own.as_ref().is_some_and(|own| sealed.follows(own.parts.link));
                    rest.next = Some((seq, follows));
                }
                if let Some(own) = &own {
                    if own.parts.link == sealed.parts.link {
                        rest.copy.get_or_insert(line.number);
                    }
                    rest.predecessor |= seq < own.known.seq && own.follows(sealed.parts.link);
                }
                if rest.successor.is_none() && sealed.follows(link) {
                    rest.is_next = first;
                    rest.successor = Some((line.clone(), seq));
                }
            }
            first = false;
            following = lines.next_line()?;
        }
        Ok(rest)
    }
}

/// The last valid line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Good<'a> {
    /// Link of the line.
    pub(super) link: Link,
    /// Number of the line.
    pub(super) seq: u64,
    /// Id of the line's run.
    pub(super) instance: &'a str,
}

/// Whether a line belongs to another run. Always false in the file of a sink, which has many runs.
fn is_of_another(line: &Sealed<'_>, good: Good<'_>) -> bool {
    !line.known.is_numbered() && !line.known.is_lean && line.known.instance != good.instance
}

/// Classifies the damage at a line that does not follow the one before. Reads the rest of the log.
///
/// # Errors
/// Fails if the log cannot be read.
pub(super) fn find(good: Good<'_>, line: &Line, next: Option<Line>, lines: &mut Lines) -> io::Result<Damage> {
    let rest = Rest::read(good.link, line, next, lines)?;
    let last_seq = good.seq;
    let own = Sealed::of(&line.bytes);
    let seq = own.as_ref().map(|own| own.known.seq);
    if let Some((successor, number)) = &rest.successor {
        return Ok(match seq {
            Some(seq) if rest.predecessor && rest.copy.is_none() && seq > *number => {
                if rest.is_next || !rest.next.is_some_and(|(_, follows)| follows) {
                    Damage::at(line, Kind::Moved, format!("the record with seq {number} belongs here"))
                } else {
                    let text = format!("it belongs before line {} of {}", line.number, line.file);
                    Damage::at(successor, Kind::Moved, text)
                }
            }
            _ => {
                let copy = rest.copy.map(|copy| format!("; the same stands in line {copy}"));
                let old = seq.filter(|&seq| seq <= last_seq).map(|_| "; its seq was there before".to_owned());
                let text = format!(
                    "the line before it is followed by line {}{}",
                    successor.number,
                    copy.or(old).unwrap_or_default()
                );
                Damage::at(line, Kind::Added, text)
            }
        });
    }
    let expected = last_seq.saturating_add(1);
    // If the next line has the number after the expected one, the number of this line is wrong.
    let between = rest.next.is_some_and(|(seq, _)| Some(seq) == expected.checked_add(1));
    Ok(match seq {
        Some(_) if between => Damage::at(line, Kind::Changed, "the record is not what was written"),
        Some(seq) if seq != expected && own.as_ref().is_some_and(|own| is_of_another(own, good)) => {
            let text = "the record of another run; the first one of that run is missing";
            Damage { seq: Some(expected), uid: None, ..Damage::at(line, Kind::Removed, text) }
        }
        Some(seq) if seq > expected => {
            let missing = if seq - 1 == expected {
                "one record is missing before this line".to_owned()
            } else {
                format!("records up to seq {} are missing before this line", seq - 1)
            };
            Damage { seq: Some(expected), uid: None, ..Damage::at(line, Kind::Removed, missing) }
        }
        Some(seq) if seq <= last_seq => Damage::at(line, Kind::Added, "its seq was there before"),
        Some(_) => Damage::at(line, Kind::Changed, "the record is not what was written"),
        None => Damage::at(
            line,
            Kind::Changed,
            format!("the line is not what was written; the record there had seq {expected}"),
        ),
    })
}
