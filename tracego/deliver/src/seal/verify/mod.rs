//! Verification of sealed logs, streaming, one line at a time. The input is untrusted.

mod damage;
mod input;
pub(crate) mod line;
mod order;
mod proof;
mod references;
mod run;

use std::{collections::HashSet, io};

use damage::Good;
pub use damage::{Damage, Kind};
pub use input::{Line, Lines, ordered};
use line::{Known, Sealed, changed_form};
pub use order::linked_order;
pub use proof::{Head, Place, Unproven};
use proof::{Heads, Signatures};
use references::ReferenceCheck;
use run::Run;
pub use run::Told;
use serde::Serialize;

use super::{
    chain::{LINK, Link, digest, hex, is_torn, split, unhex},
    key::PublicKey,
};

/// Maximum number of runs that the report lists, and of first records that are recognized when they are
/// repeated.
const RUNS_MAX: usize = 4096;

/// The result of verifying a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Whether no damage was found, at least one run is sealed, the log does not end within a line, and, with
    /// a key, everything is proven.
    pub whole: bool,
    /// Number of lines read.
    pub lines: u64,
    /// Number of proven records.
    pub records: u64,
    /// Number of lines of runs without `--seal`.
    pub foreign: u64,
    /// Number of references of lean records that were looked up.
    pub references: u64,
    /// Number of runs.
    pub runs_total: u64,
    /// The runs, in order; only the first ones if there are very many.
    pub runs: Vec<Told>,
    /// Whether signatures were checked.
    pub signatures: bool,
    /// The lines that no signature covers; absent without a key, and if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Unproven>,
    /// The line within which the log ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Place>,
    /// The end of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
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
    /// Link of a record that the log must contain.
    pub expect_head: Option<Link>,
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
    signatures: Option<Signatures>,
    /// Lines since the last signature of the run.
    tail: Unproven,
    unproven: Unproven,
    heads: Heads,
    /// Whether the expected record was read.
    reached: bool,
    references: ReferenceCheck,
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
        signatures: options.key.clone().map(|key| Signatures::new(key, options.partial)),
        tail: Unproven::default(),
        unproven: Unproven::default(),
        heads: Heads::default(),
        reached: options.expect_head.is_none(),
        references: ReferenceCheck::default(),
    };
    let mut damage = None;
    while let Some(line) = lines.next_line()? {
        verifier.report.lines += 1;
        damage = verifier.line(&line, lines)?;
        if damage.is_some() {
            break;
        }
        verifier.references.take(&line);
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
        let open = self.run.as_ref().filter(|run| !run.told.closed);
        if open.is_none()
            && sealed.is_none()
            && let Some(how) = changed_form(&line.bytes)
        {
            return Ok(Some(Damage::at(line, Kind::Changed, how)));
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
                return Ok(match run.take(sealed, self.signatures.as_mut()) {
                    Ok(is_proof) => {
                        self.took(line, sealed, is_proof);
                        None
                    }
                    Err(text) => Some(Damage::at(line, Kind::Seal, text)),
                });
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
        let checked = self.signatures.as_mut().map(|signatures| signatures.verify(sealed, start));
        let is_proof = match checked.transpose() {
            Ok(is_proof) => is_proof.unwrap_or(false),
            Err(text) => return Some(Damage::at(line, Kind::Seal, text)),
        };
        let named = match self.check_previous(sealed, follows.is_some()) {
            Ok(named) => named,
            Err(text) => {
                return Some(Damage { seq: None, uid: None, ..Damage::at(line, Kind::Removed, text) });
            }
        };
        self.before = self.run.as_ref().map(|run| (run.link, line.clone()));
        let is_first = self.last.is_none();
        // The signature covers the name of the line before, and that line all before it.
        if is_proof && follows.is_some() {
            self.tail = Unproven::default();
        } else {
            self.end_tail();
        }
        self.finish();
        let mut run = Run::new(sealed, Some(start));
        run.told.linked = is_first || follows.is_some() || named;
        self.unproven.unlinked_runs += u64::from(!run.told.linked);
        self.run = Some(run);
        self.took(line, sealed, is_proof);
        None
    }

    /// Checks what the first record of a run says about the run before. Returns whether that run is there.
    fn check_previous(&self, sealed: &Sealed<'_>, is_followed: bool) -> Result<bool, String> {
        let Some(opening) = sealed.known.opening() else { return Ok(false) };
        if self.last.is_none() && self.options.partial {
            return Ok(false);
        }
        let before = self.run.as_ref().and_then(|run| run.told.run);
        if let (Some(run), Some(before)) = (opening.run, before) {
            // A crash may have repeated the number of a run that had only begun.
            let fits = before.checked_add(1) == Some(run) || before == run && is_followed;
            if !fits {
                return Err(format!("it is run {run} of its key, and the one before is run {before}"));
            }
        }
        let Some(previous) = &opening.previous else { return Ok(false) };
        let link = unhex(previous.as_bytes()).map(Link);
        if link.is_some_and(|link| self.heads.contains(link)) {
            return Ok(true);
        }
        let previous = printable(previous);
        Err(format!(
            "the seal of the run before, with the link {previous}, is not there: left out or rolled back"
        ))
    }

    /// Notes a line that belongs to the log.
    fn took(&mut self, line: &Line, sealed: &Sealed<'_>, is_proof: bool) {
        let link = sealed.parts.link;
        self.reached |= self.options.expect_head == Some(link);
        if sealed.parts.signed.is_some() {
            self.heads.add(link);
        }
        if is_proof {
            self.tail = Unproven::default();
        } else if self.signatures.is_some() {
            self.tail.add(line, sealed.known.seq);
        }
    }

    /// Adds the end of a run to what is not proven.
    fn end_tail(&mut self) {
        let mut tail = std::mem::take(&mut self.tail);
        tail.open_runs = u64::from(self.run.as_ref().is_some_and(|run| !run.told.closed));
        self.unproven.merge(tail);
    }

    /// Whether a line can be of a run without `--seal`. The next run confirms it by naming the line that it
    /// follows.
    fn is_foreign(&self, line: &Line) -> bool {
        let outside = match &self.run {
            None => true,
            // After a kill, other processes may have written to the file of a sink.
            Some(run) if run.told.closed || run.numbered => true,
            Some(run) => Known::of(&line.bytes)
                .is_some_and(|known| !known.is_lean && !known.instance.starts_with(&*run.told.instance)),
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
        let is_cut = |foreign: &&Foreign| foreign.count == 1 && is_torn(&foreign.first.bytes);
        let cut = foreign.as_ref().filter(is_cut).map(|foreign| &foreign.first);
        self.report.cut = cut.or(self.torn.as_ref().map(|(torn, _)| torn)).map(Place::from);
        let behind = foreign.as_ref().filter(|foreign| self.run.is_some() && !is_cut(foreign));
        let behind = behind.map(not_sealed).or_else(|| self.unreached());
        self.report.foreign += foreign.map_or(0, |foreign| foreign.count);
        self.end_tail();
        let key = self.signatures.as_ref().map(|signatures| signatures.following().to_hex());
        self.report.head = self.run.as_ref().map(|run| Head { link: run.link.text(), key });
        self.finish();
        if self.signatures.is_some() && !self.unproven.is_empty() {
            self.report.unproven = Some(self.unproven);
        }
        self.report.references = self.references.count();
        // Lines that were changed or removed come first: they may be why a reference dangles.
        self.report.damage = damage.or(behind).or(self.references.dangling());
        self.report.whole = self.report.damage.is_none()
            && self.report.runs_total > 0
            && self.report.unproven.is_none()
            && self.report.cut.is_none();
        self.report
    }

    /// Returns the damage of a log without the record that it must contain.
    fn unreached(&self) -> Option<Damage> {
        let expected = self.options.expect_head.filter(|_| !self.reached)?;
        let text = format!("no record has the link {}: the log was cut or rolled back", expected.text());
        let end = self.last.clone().unwrap_or_default();
        Some(Damage { seq: None, uid: None, ..Damage::at(&end, Kind::Removed, text) })
    }
}

fn not_sealed(foreign: &Foreign) -> Damage {
    Damage::at(&foreign.first, Kind::Added, "no sealed run wrote this line, and none follows that names it")
}

/// Escapes and shortens a text from a log for a message.
fn printable(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_default).collect()
}
