//! Images and digests of executed files, at the start or later.

use std::{os::unix::fs::MetadataExt as _, sync::Arc};

use tracego_common::{ExecFixed, TaskId, flags};
use tracego_golang::Image;
use tracego_model::{
    clock::Reading,
    event::Event,
    input::{
        batch::DecodedEvent,
        digest::{DigestGap, FileDigest},
        note::{OpenFailure, StartNote},
    },
    linux::proc_pids::ProcPids,
};

use super::{
    digest::{
        job::{DigestOrder, Handing},
        requests::{DigestRequests, HashedStart, LateDigest},
    },
    files::{
        question::{Answer, ImageAnswer, ImageQuestion, Question},
        readers::{FileReaders, LateAnswer, Place},
    },
    image::{
        cache::{self, FileKey, ImageCache},
        executable::{ExecutedProcess, ReadImage},
    },
    lifetimes::{self, UnsettledStarts},
};

/// Maximum number of starts whose image is still asked for when their file system answers again.
const REFUSED_MAX: usize = 256;

/// A start whose image was not read in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct LateImage {
    start: HashedStart,
    key: FileKey,
    order: Option<DigestOrder>,
}

/// A start whose image was not asked for, because its place hangs.
#[derive(Debug)]
struct RefusedImage {
    place: Place,
    late: LateImage,
    question: Question,
}

/// An image that was read after its start had been judged.
#[derive(Clone, Debug)]
pub struct LateStart {
    /// The process.
    pub id: TaskId,
    /// Facts about its start by now.
    pub note: StartNote,
}

/// The executed files: what is known about them, what is asked, and what comes late.
pub(super) struct ExecutableReader {
    pub(super) images: ImageCache,
    pub(super) files: FileReaders<Option<LateImage>>,
    pub(super) digests: Option<DigestRequests>,
    refused: Vec<RefusedImage>,
    unsettled: UnsettledStarts,
    /// Starts whose image was read since the last call of [`Self::late`].
    settled: Vec<LateStart>,
    /// Inode of the agent's executable.
    own_inode: Option<u64>,
    pids: ProcPids,
    /// Time until which all events are known, nanoseconds since boot.
    seen_boot_ns: u64,
    /// Nanoseconds from the boot clock to the wall clock.
    offset: i64,
}

impl ExecutableReader {
    /// Creates a reader. `digests`: the requests to the hasher that `files` has, if files are hashed.
    pub(super) fn new(
        files: FileReaders<Option<LateImage>>,
        digests: Option<DigestRequests>,
        pids: ProcPids,
    ) -> Self {
        Self {
            images: ImageCache::new(cache::BYTES),
            files,
            digests,
            refused: Vec::new(),
            unsettled: UnsettledStarts::default(),
            settled: Vec::new(),
            own_inode: std::fs::metadata("/proc/self/exe").ok().map(|meta| meta.ino()),
            pids,
            seen_boot_ns: 0,
            offset: 0,
        }
    }

    /// Sets the nanoseconds from the boot clock to the wall clock.
    pub(super) fn set_offset(&mut self, offset: i64) {
        self.offset = offset;
    }

    /// Notes the time of an event: the ends of processes before that are known.
    pub(super) fn seen(&mut self, event: &Event<'_>) {
        self.seen_boot_ns = self.seen_boot_ns.max(event.boot_ns());
    }

    /// Takes it that all events of before a time are known: processes of which no end is known have run until then.
    pub(super) fn drained(&mut self, clock: Reading) {
        self.seen_boot_ns = self.seen_boot_ns.max(clock.boot_ns.unsigned_abs());
    }

    /// Returns the digests that came since the last call, of starts that had none. Call this now and then.
    pub(super) fn late_digests(&mut self) -> Vec<LateDigest> {
        // In boot time until here: a wall clock that is set back would be ahead of all events.
        let seen_ns = if self.seen_boot_ns == u64::MAX { u64::MAX } else { self.unix_ns(self.seen_boot_ns) };
        let Some(digests) = &mut self.digests else { return Vec::new() };
        let (mut late, is_lost) = digests.take(seen_ns);
        if is_lost && !self.files.raise_hasher() {
            tracing::error!("the process that hashes executed files is lost, and does not start again");
            // Nobody asks for those that wait for the end of their process any more.
            late.extend(digests.take(u64::MAX).0);
            self.digests = None;
        }
        late
    }

    /// Takes it that no events come any more: the processes of which no end is known run on.
    pub(super) fn settle_digests(&mut self) {
        self.seen_boot_ns = u64::MAX;
    }

    /// Takes it that no more digests come, because tracego ends: starts that wait for one have none.
    pub(super) fn give_up_digests(&mut self) {
        if let Some(digests) = &mut self.digests {
            digests.give_up(DigestGap::TracegoEnded);
        }
    }

    /// Returns the number of starts that wait for a digest.
    pub(super) fn awaited_digests(&self) -> usize {
        self.digests.as_ref().map_or(0, DigestRequests::waiting)
    }

    /// Notes that a process does not run its file any more, from a time in nanoseconds since boot.
    pub(super) fn end_file(&mut self, id: TaskId, boot_ns: u64) {
        let at = self.unix_ns(boot_ns);
        if let Some(digests) = &mut self.digests {
            digests.ended(id, at);
        }
    }

    /// Returns the images that were read since the last call, after their starts had been judged. Call this now
    /// and then.
    pub(super) fn late(&mut self) -> Vec<LateStart> {
        let mut all = std::mem::take(&mut self.settled);
        for LateAnswer { place, asker, answer } in self.files.late() {
            all.extend(asker.zip(answer).and_then(|(late, answer)| self.late_image(&late, answer)));
            let (again, others) = std::mem::take(&mut self.refused)
                .into_iter()
                .partition(|one: &RefusedImage| one.place == place);
            self.refused = others;
            for RefusedImage { place, late, question } in again {
                if let Ok(answer) = self.files.ask(place, &question, || Some(late)) {
                    all.extend(self.late_image(&late, answer));
                }
            }
        }
        all
    }

    /// Reads the file of a process that has ended, at a time in nanoseconds since boot, if it can be trusted by now.
    pub(super) fn settle(&mut self, id: TaskId, end: u64) {
        let Some((start, question)) = self.unsettled.ended(id, self.unix_ns(end)) else { return };
        let order = self.order();
        let question = question.with_digest(order);
        let process = question.process();
        let (place, key) = (Place::Device(process.device), cache::key(&process));
        let late = LateImage { start, key, order };
        if let Ok(answer) = self.files.ask(place, &Question::Image(question), || Some(late)) {
            let start = self.late_image(&late, answer);
            self.settled.extend(start);
        }
    }

    /// Returns a time of the boot clock in nanoseconds since 1970.
    pub(super) fn unix_ns(&self, boot_ns: u64) -> u64 {
        i64::try_from(boot_ns).unwrap_or(i64::MAX).wrapping_add(self.offset).cast_unsigned()
    }

    fn late_image(&mut self, late: &LateImage, answer: Answer) -> Option<LateStart> {
        let Answer::Image(Ok(ImageAnswer { image, is_lasting, digest })) = answer else { return None };
        let image = Ok(self.images.put(late.key, ReadImage { image, is_lasting }));
        let digests = self.digests.as_mut();
        let digest = digests
            .zip(digest)
            .map(|(digests, handing)| digests.handed(late.order, handing, late.key, late.start));
        Some(LateStart { id: late.start.id, note: StartNote { image, digest, ..StartNote::default() } })
    }

    /// Whether the agent itself started its own program, as the enforcement check does.
    fn is_own_start(&self, fixed: &ExecFixed) -> bool {
        let parent = self.pids.get(fixed.header.parent);
        self.own_inode == Some(fixed.exe_inode) && parent == Some(std::process::id())
    }

    /// Returns an order for a digest, if files are hashed.
    fn order(&mut self) -> Option<DigestOrder> {
        self.digests.as_mut().and_then(DigestRequests::order)
    }

    /// Returns what is known about the digest of a started file. A file that was changed within a tick of its start may
    /// have had other content with the same change time, so its digest is none of the known ones.
    fn known_digest(
        &mut self,
        is_hashed: bool,
        process: &ExecutedProcess<'_>,
        start: HashedStart,
    ) -> Option<FileDigest> {
        let digests = self.digests.as_mut().filter(|_| is_hashed && process.is_settled())?;
        digests.find(cache::key(process), start)
    }

    /// Asks for the digest of a file whose image is known.
    fn ask_digest(
        &mut self,
        process: &ExecutedProcess<'_>,
        order: Option<DigestOrder>,
        start: HashedStart,
    ) -> Option<FileDigest> {
        let question = Question::Digest(ImageQuestion::from(process).with_digest(order));
        let handing = match self.files.ask(Place::Device(process.device), &question, || None) {
            Ok(Answer::Digest(handing)) => handing,
            _ => Handing::Refused(DigestGap::Failed),
        };
        Some(self.digests.as_mut()?.handed(order, handing, cache::key(process), start))
    }

    /// Reads the image of a start, and returns what is known of its digest. `later`: the events of the batch behind it.
    pub(super) fn read(
        &mut self,
        fixed: &ExecFixed,
        mut process: ExecutedProcess<'_>,
        later: &[DecodedEvent<'_>],
    ) -> (Result<Arc<Image>, OpenFailure>, Option<FileDigest>) {
        let end = if process.is_settled() { None } else { lifetimes::end(later, fixed.header.id) };
        if let Some(end) = end {
            process.ran_ns = self.unix_ns(end);
        }
        let start = HashedStart::of(&fixed.header);
        // The enforcement check has no record that a digest could follow.
        let is_hashed = self.digests.is_some() && !self.is_own_start(fixed);
        let is_before = fixed.header.flags & flags::BEFORE != 0;
        let known = match self.digests.as_mut().filter(|digests| is_before && digests.is_half_full()) {
            Some(digests) => Some(digests.absent(DigestGap::Busy)),
            None => self.known_digest(is_hashed, &process, start),
        };
        let order = if is_hashed && known.is_none() { self.order() } else { None };
        let late = LateImage { start, key: cache::key(&process), order };
        let mut handing = None;
        let mut is_known = true;
        let (files, refused) = (&mut self.files, &mut self.refused);
        let image = self.images.get(&process, |process| {
            is_known = false;
            let question = Question::Image(ImageQuestion::from(process).with_digest(order));
            let place = Place::Device(process.device);
            let mut asked = false;
            let answer = files.ask(place.clone(), &question, || {
                asked = true;
                Some(late)
            });
            match answer {
                Ok(Answer::Image(Ok(ImageAnswer { image, is_lasting, digest }))) => {
                    handing = digest;
                    Ok(ReadImage { image, is_lasting })
                }
                Ok(Answer::Image(Err(failure))) => Err(failure),
                Ok(_) => Err(OpenFailure::Io(0)),
                Err(failure) => {
                    if failure == OpenFailure::Timeout && !asked && refused.len() < REFUSED_MAX {
                        refused.push(RefusedImage { place, late, question });
                    }
                    Err(failure)
                }
            }
        });
        let digest = match (&image, handing) {
            _ if !is_hashed || known.is_some() => known,
            (Ok(_), Some(handing)) => {
                self.digests.as_mut().map(|digests| digests.handed(order, handing, late.key, start))
            }
            (Ok(_), None) if is_known => self.ask_digest(&process, order, start),
            (Ok(_), None) => self.digests.as_mut().map(|digests| digests.absent(DigestGap::Busy)),
            // The record says why the file could not be read.
            (Err(_), _) => None,
        };
        self.unsettled.note(start, &process, image.as_ref().err().copied(), end);
        (image, digest)
    }
}
