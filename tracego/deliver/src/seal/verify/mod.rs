//! Verification of sealed logs, streaming, one line at a time. The input is untrusted.

mod damage;
mod input;
pub(crate) mod line;
mod run;

use std::{collections::HashSet, io};

use damage::Good;
pub use damage::{Damage, Kind};
pub use input::{Line, Lines, ordered};
use line::{Known, Sealed};
pub use run::Told;
use run::{Run, signed};
use serde::Serialize;

use super::{
    chain::{LINK, Link, digest, hex, is_torn, split},
    key::PublicKey,
};

/// Maximum number of runs that the report lists, and of first records that are recognized when they are
/// repeated.
const RUNS_MAX: usize = 4096;

/// The result of verifying a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Whether no damage was found and at least one run is sealed.
    pub whole: bool,
    /// Number of lines read.
    pub lines: u64,
    /// Number of proven records.
    pub records: u64,
    /// Number of lines of runs without `--seal`.
    pub foreign: u64,
    /// Number of runs.
    pub runs_total: u64,
    /// The runs, in order; only the first ones if there are very many.
    pub runs: Vec<Told>,
    /// Whether signatures were checked.
    pub signatures: bool,
    /// The first damage found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
}

/// The options of a verification.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Key that must have signed the seals.
    pub key: Option<PublicKey>,
    /// Whether the log may begin in the middle of a run.
    pub partial: bool,
}

/// Lines that no sealed run wrote.
struct Foreign {
    first: Line,
    count: u64,
}

struct Verifier<'a> {
    options: &'a Options,
    report: Report,
    run: Option<Run>,
    /// Last link of the previous run and first line of this one, while this run has only its first record.
    before: Option<(Link, Line)>,
    /// A line that may be a torn record, and the link before it.
    torn: Option<(Line, Link)>,
    foreign: Option<Foreign>,
    /// Links of first records.
    opened: HashSet<[u8; LINK]>,
    last: Option<Line>,
}

/// Verifies lines up to the first damage, and reads on only as far as needed to classify the damage.
///
/// # Errors
/// Fails if a line cannot be read.
pub fn verify(lines: &mut Lines, options: &Options) -> io::Result<Report> {
    let mut verifier = Verifier {
        options,
        report: Report { signatures: options.key.is_some(), ..Report::default() },
        run: None,
        before: None,
        torn: None,
        foreign: None,
        opened: HashSet::new(),
        last: None,
    };
    let mut damage = None;
    while let Some(line) = lines.next_line()? {
        verifier.report.lines += 1;
        damage = verifier.line(&line, lines)?;
        if damage.is_some() {
            break;
        }
        verifier.last = Some(line);
    }
    Ok(verifier.end(damage))
}

impl Verifier<'_> {
    fn line(&mut self, line: &Line, lines: &mut Lines) -> io::Result<Option<Damage>> {
        let sealed = Sealed::of(&line.bytes);
        if let Some(sealed) = &sealed
            && let Some(start) = sealed.opens()
        {
            return Ok(self.open(line, sealed, start));
        }
        if let Some(foreign) = &mut self.foreign {
            // Only the first record of a run may follow, naming the line before it.
            if split(&line.bytes).is_none() {
                foreign.count += 1;
                return Ok(None);
            }
            if let Some(run) = self.run.as_ref().filter(|run| run.numbered && !run.told.closed) {
                let first = foreign.first.clone();
                return damage::find(run.good(), &first, Some(line.clone()), lines).map(Some);
            }
            let changed = "the first record of the run is not what was written";
            let one = foreign.count == 1;
            let damage =
                if one { Damage::at(&foreign.first, Kind::Changed, changed) } else { not_sealed(foreign) };
            return Ok(Some(damage));
        }
        let open = self.run.as_mut().filter(|run| !run.told.closed);
        if let Some(run) = open {
            if let Some(sealed) = &sealed
                && sealed.follows(run.link)
            {
                run.told.torn += u64::from(self.torn.take().is_some());
                self.before = None;
                let taken = run.take(sealed, self.options.key.as_ref());
                return Ok(taken.err().map(|text| Damage::at(line, Kind::Seal, text)));
            }
            if is_torn(&line.bytes) {
                let ahead = run.link;
                run.link = run.link.torn(&line.bytes);
                match &self.torn {
                    None => self.torn = Some((line.clone(), ahead)),
                    Some(_) => run.told.torn += 1,
                }
                return Ok(None);
            }
        }
        if self.is_foreign(line) {
            self.foreign = Some(Foreign { first: line.clone(), count: 1 });
            return Ok(None);
        }
        self.broken(line, sealed.as_ref(), lines)
    }

    /// Handles the first record of a run.
    fn open(&mut self, line: &Line, sealed: &Sealed<'_>, start: Link) -> Option<Damage> {
        if !self.opened.insert(sealed.parts.link.0) {
            return Some(Damage::at(line, Kind::Added, "the run that it opens was opened before"));
        }
        if self.opened.len() > RUNS_MAX {
            self.opened.clear();
        }
        let follows = sealed.known.opening().and_then(|opening| opening.follows.as_deref());
        let found = self.last.as_ref().map(|last| hex(&digest(&last.bytes)));
        let is_first = self.last.is_none() && self.options.partial;
        if let Some(follows) = follows.filter(|follows| !is_first && Some(*follows) != found.as_deref()) {
            if let Some(foreign) = &self.foreign {
                return Some(not_sealed(foreign));
            }
            let text = format!("the line that it follows is not there (SHA-256 {})", printable(follows));
            return Some(Damage { seq: None, uid: None, ..Damage::at(line, Kind::Removed, text) });
        }
        if let Some(foreign) = self.foreign.take() {
            if follows.is_none() {
                return Some(not_sealed(&foreign));
            }
            self.report.foreign += foreign.count;
        }
        if let Err(text) = signed(sealed, start, self.options.key.as_ref()) {
            return Some(Damage::at(line, Kind::Seal, text));
        }
        self.before = self.run.as_ref().map(|run| (run.link, line.clone()));
        self.finish();
        self.run = Some(Run::new(sealed, Some(start)));
        None
    }

    /// Whether a line can be of a run without `--seal`. The next run confirms it by naming the line that it
    /// follows.
    fn is_foreign(&self, line: &Line) -> bool {
        let outside = match &self.run {
            None => true,
            // After a kill, other processes may have written to the file of a sink.
            Some(run) if run.told.closed || run.numbered => true,
            Some(run) => {
                Known::of(&line.bytes).is_some_and(|known| !known.instance.starts_with(&*run.told.instance))
            }
        };
        outside && self.torn.is_none() && split(&line.bytes).is_none()
    }

    /// Handles a line that does not belong at its place.
    fn broken(
        &mut self,
        line: &Line,
        sealed: Option<&Sealed<'_>>,
        lines: &mut Lines,
    ) -> io::Result<Option<Damage>> {
        if let Some((torn, ahead)) = self.torn.take() {
            // The line was not a torn record.
            let good = self.run.as_ref().map_or(Good { link: ahead, seq: 0, instance: "" }, Run::good);
            return damage::find(Good { link: ahead, ..good }, &torn, Some(line.clone()), lines).map(Some);
        }
        let Some(run) = &self.run else {
            if self.options.partial
                && let Some(sealed) = sealed
            {
                self.run = Some(Run::new(sealed, None));
                return Ok(None);
            }
            return damage::headless(line, self.last.is_none(), lines).map(Some);
        };
        if run.told.closed {
            let ended = |sealed: &Sealed<'_>| {
                let mut runs = self.report.runs.iter().chain([&run.told]);
                sealed.known.opening().is_none() && runs.any(|run| run.instance == sealed.known.instance)
            };
            if sealed.is_some_and(ended) {
                let text = "the run before has ended, and this record opens none";
                return Ok(Some(Damage::at(line, Kind::Added, text)));
            }
            return damage::headless(line, self.last.is_none(), lines).map(Some);
        }
        if let (Some((link, opening)), Some(sealed)) = (&self.before, sealed)
            && sealed.follows(*link)
        {
            let text = "the run before goes on in the next line";
            return Ok(Some(Damage::at(opening, Kind::Added, text)));
        }
        let next = lines.next_line()?;
        damage::find(run.good(), line, next, lines).map(Some)
    }

    fn finish(&mut self) {
        self.torn = None;
        if let Some(run) = self.run.take() {
            self.report.runs_total += 1;
            self.report.records += run.told.records;
            if self.report.runs.len() < RUNS_MAX {
                self.report.runs.push(run.told);
            }
        }
    }

    fn end(mut self, damage: Option<Damage>) -> Report {
        let foreign = self.foreign.take();
        // A cut-off first record was still being written.
        let cut = |foreign: &&Foreign| foreign.count == 1 && is_torn(&foreign.first.bytes);
        let behind = foreign.as_ref().filter(|foreign| self.run.is_some() && !cut(foreign)).map(not_sealed);
        self.report.foreign += foreign.map_or(0, |foreign| foreign.count);
        self.finish();
        self.report.damage = damage.or(behind);
        self.report.whole = self.report.damage.is_none() && self.report.runs_total > 0;
        self.report
    }
}

fn not_sealed(foreign: &Foreign) -> Damage {
    Damage::at(&foreign.first, Kind::Added, "no sealed run wrote this line, and none follows that names it")
}

/// Escapes and shortens a text from a log for a message.
fn printable(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_default).collect()
}
