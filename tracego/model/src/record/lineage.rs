//! The ancestors of a process: `tracego.ancestors`.

use std::sync::{Arc, OnceLock};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeSeq as _},
};
use serde_json::value::RawValue;
use tracego_common::TaskId;

use super::{At, parent::ShownArgs};
use crate::clock::Time;

/// A process in a line of ancestors, as it was when the process below it was forked.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The process.
    pub id: TaskId,
    /// Start time.
    pub created: Time,
    /// Whether the process ran before the agent; its start time is then known to a clock tick only.
    pub seeded: bool,
    /// Task name.
    pub command: String,
    /// Path of the executable; empty for a kernel thread. A process shares it with its children until they execute
    /// another.
    pub executable: Arc<str>,
    /// Whether `executable` is no path of the host.
    pub elsewhere: bool,
    /// The arguments. A process shares the place with its children until they execute another program.
    pub args: ShownArgs,
    /// The process that forked it.
    pub up: Option<Arc<Line>>,
    /// Number of ancestors.
    pub depth: u32,
    /// JSON of the process and its ancestors, made when the first child is written.
    pub json: LineageJson,
}

/// The JSON of a process and its ancestors, made when the first child is written.
#[derive(Clone, Debug, Default)]
pub struct LineageJson(OnceLock<Option<Box<RawValue>>>);

/// Number of ancestors that are kept when a line grows beyond twice as many.
const DEPTH_KEPT: u32 = 64;

impl Line {
    /// Creates a line below `up`.
    #[must_use]
    pub fn below(up: Option<Arc<Self>>, mut line: Self) -> Arc<Self> {
        let up = up.map(|up| if up.depth >= 2 * DEPTH_KEPT { up.cut(DEPTH_KEPT) } else { up });
        line.depth = up.as_ref().map_or(0, |up| up.depth + 1);
        line.up = up;
        Arc::new(line)
    }

    /// Replaces a start that was known to a clock tick by the exact one.
    pub fn make_exact(&mut self, id: TaskId, created: Time) {
        (self.id, self.created, self.seeded) = (id, created, false);
        self.json = LineageJson::default();
    }

    /// Returns a copy with at most `keep` ancestors.
    fn cut(&self, keep: u32) -> Arc<Self> {
        let up = self.up.as_ref().filter(|_| keep > 0).map(|up| up.cut(keep - 1));
        let depth = up.as_ref().map_or(0, |up| up.depth + 1);
        Arc::new(Self { up, depth, json: LineageJson::default(), ..self.clone() })
    }

    /// Returns a copy of the line with each path passed through `redact`, or `None` if that changes none.
    pub fn redacted(&self, redact: &dyn Fn(&mut String) -> bool) -> Option<Arc<Self>> {
        let up = self.up.as_ref().and_then(|up| up.redacted(redact));
        let mut executable = self.executable.to_string();
        let is_changed = redact(&mut executable);
        if up.is_none() && !is_changed {
            return None;
        }
        let up = up.or_else(|| self.up.clone());
        let executable = executable.into();
        Some(Arc::new(Self { executable, up, json: LineageJson::default(), ..self.clone() }))
    }

    fn ancestor(&self) -> Ancestor<'_> {
        Ancestor {
            pid: self.id.tgid,
            creation: At { time: self.created },
            command: &self.command,
            executable: (!self.executable.is_empty()).then_some(AncestorFile { path: &self.executable }),
        }
    }

    /// Returns the JSON of the process and its ancestors. Siblings share it, so it is created once for all of
    /// them.
    fn json(&self) -> Option<&RawValue> {
        let make = || {
            let mut text = format!("[{}", serde_json::to_string(&self.ancestor()).ok()?);
            match self.up.as_ref().map(|up| up.json()) {
                Some(above) => {
                    text.push(',');
                    text.push_str(above?.get().strip_prefix('[')?);
                }
                None => text.push(']'),
            }
            RawValue::from_string(text).ok()
        };
        self.json.0.get_or_init(make).as_deref()
    }
}

/// `tracego.ancestors`: from the process that forked this one, up to the root.
#[derive(Clone, Debug, Default)]
pub struct Lineage(pub Option<Arc<Line>>);

impl Lineage {
    /// Iterates over the ancestors, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        std::iter::successors(self.0.as_deref(), |line| line.up.as_deref())
    }
}

/// `tracego.lineage`: the names of the ancestors, nearest first, up to the process that opened the job; of as many as
/// are shown where no process did.
#[derive(Clone, Debug)]
pub struct LineageNames {
    line: Arc<Line>,
    /// Pid of the process that opened the job.
    root: Option<u32>,
}

/// Number of names outside of jobs.
const NAMES_SHOWN: usize = 4;

impl LineageNames {
    /// Returns the names above a process; `root`: pid of the process that opened the job.
    #[must_use]
    pub fn new(line: Arc<Line>, root: Option<u32>) -> Self {
        Self { line, root }
    }

    /// Returns the nearest process.
    #[must_use]
    pub fn nearest(&self) -> &Line {
        &self.line
    }

    /// Iterates over the names, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut line = Some(&*self.line);
        let mut count = 0;
        std::iter::from_fn(move || {
            let this = line?;
            count += 1;
            let is_last = match self.root {
                Some(root) => this.id.tgid == root,
                None => count == NAMES_SHOWN,
            };
            line = this.up.as_deref().filter(|_| !is_last);
            Some(this.command.as_str())
        })
    }
}

impl Serialize for LineageNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[derive(Serialize)]
struct Ancestor<'a> {
    pid: u32,
    creation: At,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable: Option<AncestorFile<'a>>,
}

#[derive(Serialize)]
struct AncestorFile<'a> {
    path: &'a str,
}

impl Serialize for Lineage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_seq(self.iter().map(Line::ancestor));
        }
        match self.0.as_ref().map(|line| line.json()) {
            None => serializer.serialize_seq(Some(0))?.end(),
            Some(Some(json)) => json.serialize(serializer),
            Some(None) => Err(S::Error::custom("an ancestor cannot be written as JSON")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_grows_for_ever_stays_short() {
        let mut line = Line::below(None, Line::default());
        for n in 0..10_000 {
            line = Line::below(
                Some(line),
                Line { id: TaskId { tgid: n, ..TaskId::default() }, ..Line::default() },
            );
            assert!(line.depth <= 2 * DEPTH_KEPT + 1);
        }
        assert_eq!(Lineage(Some(line)).iter().next().map(|l| l.id.tgid), Some(9_999));
    }
}
