//! Appending of records to a file, and rotation to the next file.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use tracego_model::clock::Reading;

use super::{
    FileError, FileShared,
    chain::FileChain,
    output_file::{OutputFile, sync_folder},
    references::FileReferences,
    rotated_name::{self, RotatedKind, RotationStamp},
    settings::{FileSettings, SyncMode},
    target::FileTarget,
};
use crate::{
    detail::memory::SharedMemory,
    seal::before::Before,
    sink::delivery::{DeliveryError, DeliveryResult, RefusedRecords, blocking::Batch},
};

/// A sequence of files: the current one, and the next after each rotation.
#[derive(Debug)]
pub(super) struct RotatingFile {
    settings: FileSettings,
    place: FileTarget,
    current: Option<OutputFile>,
    /// Stamp of the newest rotated file.
    last: Option<RotationStamp>,
    shared: Arc<FileShared>,
    /// Chain of the lines, if the file is sealed.
    chain: Option<FileChain>,
    /// References that the current file has, or may need.
    references: FileReferences,
}

impl RotatingFile {
    /// Opens the file. A failure that passes, such as a full disk, is left to the first delivery.
    pub(super) fn open(
        settings: &FileSettings,
        shared: Arc<FileShared>,
        chain: Option<FileChain>,
    ) -> Result<Self, FileError> {
        settings.check().map_err(FileError::Setting)?;
        let group = settings.group.as_ref().map(|group| group.id(Path::new("/etc/group"))).transpose();
        let group = group.map_err(FileError::Setting)?;
        let path = settings.path.clone();
        let place = FileTarget { path, mode: settings.mode.map(|mode| mode.0), group };
        let current = match OutputFile::open(&place) {
            Ok(current) => Some(current),
            Err(error) if error.is_transient() => None,
            Err(error) => return Err(error),
        };
        let regular = settings.rotation_key().or(settings.seal.then_some("seal"));
        if let Some((key, _)) = regular.zip(current.as_ref().filter(|file| !file.is_regular())) {
            return Err(FileError::Setting(format!(
                "{key}: {} is not a regular file, which this key needs",
                settings.path.display()
            )));
        }
        let last =
            rotated_name::list(&settings.path).ok().and_then(|found| found.last().map(|&(stamp, ..)| stamp));
        let has_lines = current.as_ref().is_some_and(|file| file.is_regular() && file.len() > 0);
        let earlier = if has_lines { Some(settings.path.clone()) } else { newest(&settings.path) };
        let references = FileReferences::new(&settings.path, earlier);
        Ok(Self { settings: settings.clone(), place, current, last, shared, chain, references })
    }

    /// Takes the references of the sink's records from this memory, and adds to it.
    pub(super) fn remember(&mut self, memory: SharedMemory) {
        self.references.share(memory);
    }

    /// Writes as much of a batch as possible. Lines that cannot be linked are refused.
    pub(super) fn deliver(&mut self, batch: &Batch) -> DeliveryResult {
        let mut written = DeliveryResult::default();
        let mut chain = self.chain.take();
        let result =
            self.ensure_open(chain.as_mut()).and_then(|()| self.write(batch, &mut written, chain.as_mut()));
        self.chain = chain;
        written.trouble = result.err().map(|error| {
            // Opening the file anew may fix what is wrong with it, and the next attempt then finds where it
            // ends. A FIFO or a terminal stays open for its reader while there is one.
            let gone = error.number() == Some(Errno::PIPE.raw_os_error());
            self.current = self.current.take().filter(|current| !current.is_regular() && !gone);
            DeliveryError::new(error.to_string())
        });
        written
    }

    /// Writes the last seal.
    pub(super) fn end(&mut self) {
        let Some(mut chain) = self.chain.take().filter(FileChain::is_open) else { return };
        let result = self.ensure_open(Some(&mut chain)).and_then(|()| {
            let ended = chain.end(Reading::now()).map_err(|error| self.place.failed(&error))?;
            let Some((seals, link)) = ended else { return Ok(()) };
            let seals: Vec<&[u8]> = seals.iter().map(Vec::as_slice).collect();
            self.write(&Batch::new(&seals), &mut DeliveryResult::default(), None)?;
            chain.ended(link);
            Ok(())
        });
        if let Err(error) = result {
            tracing::warn!(%error, "the last seal of a file could not be written");
        }
    }

    /// Makes sure that the file is open, and that the path leads to it.
    fn ensure_open(&mut self, chain: Option<&mut FileChain>) -> Result<(), FileError> {
        let again = self.shared.reopen.swap(false, Ordering::Relaxed);
        let mut known = true;
        if let Some(current) = &mut self.current {
            let len = current.len();
            // The reader of a FIFO would take a reopening for the end.
            if (again && current.is_regular()) || !current.is_still_at(&self.place.path) {
                self.current = None;
                self.shared.counts.reopened.fetch_add(1, Ordering::Relaxed);
            } else {
                known = current.len() == len;
            }
        }
        if self.current.is_none() {
            self.current = Some(OutputFile::open(&self.place)?);
            known = false;
        }
        if !known {
            let is_empty = self.current.as_ref().is_none_or(|current| current.len() == 0);
            self.references.begin_file(is_empty);
        }
        if let Some(chain) = chain.filter(|chain| !known || !chain.is_open()) {
            let before = Before::read(&self.place.path).map_err(|error| self.place.failed(&error))?;
            chain.resume_or_reopen(&before);
        }
        Ok(())
    }

    /// Writes records, each file with the references that it lacks ahead of them, and rotates as often as needed.
    fn write(
        &mut self,
        batch: &Batch,
        written: &mut DeliveryResult,
        mut chain: Option<&mut FileChain>,
    ) -> Result<(), FileError> {
        while written.done < batch.len() {
            let done = written.done;
            let current = match self.current.take() {
                Some(current) => current,
                None => OutputFile::open(&self.place)?,
            };
            let first = batch.bytes(done..done + 1).len();
            if self.is_full(&current, first) {
                self.rotate(current)?;
                continue;
            }
            let (records, again) = self.fitting_with_references(&current, batch, done);
            let ahead: usize = again.iter().map(Vec::len).sum();
            if ahead > 0 && self.is_full(&current, ahead + first) {
                self.rotate(current)?;
                continue;
            }
            match &mut chain {
                None => self.append(current, &again, batch, records, written)?,
                Some(chain) => self.append_linked(current, &again, batch, records, written, chain)?,
            }
        }
        Ok(())
    }

    /// Appends lines that are written again, and records behind them.
    fn append(
        &mut self,
        mut current: OutputFile,
        again: &[Vec<u8>],
        batch: &Batch,
        records: Range<usize>,
        written: &mut DeliveryResult,
    ) -> Result<(), FileError> {
        let sync = self.settings.sync == SyncMode::Batch;
        let (settled, error) = if again.is_empty() {
            current.append(batch, records.clone(), sync)
        } else {
            let each = records.clone().map(|n| batch.bytes(n..n + 1));
            let lines: Vec<&[u8]> = again.iter().map(Vec::as_slice).chain(each).collect();
            let lines = Batch::new(&lines);
            current.append(&lines, 0..lines.len(), sync)
        };
        self.check_kept(current, written)?;
        self.references.wrote(again.iter().take(settled).map(Vec::as_slice));
        let settled = settled.saturating_sub(again.len());
        self.references.wrote((records.start..records.start + settled).map(|n| batch.bytes(n..n + 1)));
        written.done += settled;
        error.map_or(Ok(()), |error| Err(self.place.failed(&error)))
    }

    /// Appends the same, linked behind the lines of the chain, and with the chain's own lines. What does not fit any
    /// more is left for the next file.
    fn append_linked(
        &mut self,
        mut current: OutputFile,
        again: &[Vec<u8>],
        batch: &Batch,
        records: Range<usize>,
        written: &mut DeliveryResult,
        chain: &mut FileChain,
    ) -> Result<(), FileError> {
        let linked = chain.link(again, batch, records.clone(), Reading::now());
        let linked = match linked {
            Ok(linked) => linked,
            Err(error) => {
                self.current = Some(current);
                return Err(self.place.failed(&error));
            }
        };
        let (lines, least) = (linked.lines(), linked.least());
        if self.is_full(&current, lines.bytes(0..least).len()) {
            return self.rotate(current);
        }
        let wanted = 0..self.fitting(&current, 0, lines, 0).max(least).min(lines.len());
        let (settled, error) = current.append(lines, wanted, self.settings.sync == SyncMode::Batch);
        if let Err(error) = self.check_kept(current, written) {
            chain.wrote(&linked, 0, true);
            return Err(error);
        }
        chain.wrote(&linked, settled, error.is_some());
        let (done, refused) = linked.done_and_refused(settled);
        self.references.wrote(again.iter().map(Vec::as_slice).filter(|_| done > 0));
        self.references.wrote((records.start..records.start + done).map(|n| batch.bytes(n..n + 1)));
        let first = written.done;
        let refused = refused.into_iter().map(|one| RefusedRecords { first: first + one.first, ..one });
        written.refused.extend(refused);
        written.done += done;
        error.map_or(Ok(()), |error| Err(self.place.failed(&error)))
    }

    /// Keeps the file that was written to, if it still has a name. A last check, so that no record is acknowledged that
    /// cannot be found. Records that an earlier file of this batch has are then written twice.
    fn check_kept(&mut self, current: OutputFile, written: &mut DeliveryResult) -> Result<(), FileError> {
        let is_removed = current.is_removed();
        self.current = Some(current);
        if !is_removed {
            return Ok(());
        }
        *written = DeliveryResult::default();
        Err(self.place.failed(&io::Error::other("the file was removed while tracego wrote to it")))
    }

    /// Returns whether a record of this length needs a new file. A file is never rotated while empty.
    fn is_full(&self, current: &OutputFile, next: usize) -> bool {
        let large = |most: u64| current.len().saturating_add(next as u64) > most;
        let old = |most: u128| u128::from(current.age(Reading::now())) >= most;
        current.is_regular()
            && current.len() > 0
            && (self.settings.rotate_bytes.is_some_and(|most| large(most.0))
                || self.settings.rotate_age.is_some_and(|most| old(most.0.as_nanos())))
    }

    /// Returns the records that fit from `first` on, at least one, and the lines that the file lacks for them.
    fn fitting_with_references(
        &mut self,
        current: &OutputFile,
        batch: &Batch,
        first: usize,
    ) -> (Range<usize>, Vec<Vec<u8>>) {
        let mut end = self.fitting(current, 0, batch, first);
        loop {
            let again = self.references.missing(batch, first..end);
            let ahead = again.iter().map(Vec::len).sum();
            if ahead == 0 || end - first == 1 || self.fitting(current, ahead, batch, first) >= end {
                return (first..end, again);
            }
            // Fewer records need fewer references. The others follow in the same file as far as they fit.
            end = first + (end - first) / 2;
        }
    }

    /// Returns the end of the records that fit behind this number of bytes, counted from `first`, which always fits.
    fn fitting(&self, current: &OutputFile, ahead: usize, batch: &Batch, first: usize) -> usize {
        let most = self.settings.rotate_bytes.filter(|_| current.is_regular());
        let Some(most) = most else { return batch.len() };
        let room =
            most.0.saturating_sub(current.len()).try_into().unwrap_or(usize::MAX).saturating_sub(ahead);
        first + batch.whole(first, room).max(1)
    }

    /// Moves the file away and begins a new one. Acknowledged records are synced already.
    fn rotate(&mut self, mut old: OutputFile) -> Result<(), FileError> {
        let path = &self.place.path;
        let failed = |error: &io::Error| self.place.failed(error);
        old.end_line().map_err(|error| failed(&error))?;
        let mut stamp = RotationStamp::after(self.last, Reading::now().unix_ns);
        loop {
            let to = rotated_name::rotated(path, stamp);
            if !rotated_name::is_taken(&to) {
                match rename(path, &to) {
                    Ok(()) => break,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(failed(&error)),
                }
            }
            stamp = RotationStamp(stamp.0 + 1);
        }
        self.last = Some(stamp);
        self.references.rotated(&rotated_name::rotated(path, stamp));
        self.shared.counts.rotated.fetch_add(1, Ordering::Relaxed);
        self.shared.tidy.store(true, Ordering::Relaxed);
        self.current = Some(OutputFile::open(&self.place)?);
        // The lock was kept until now, so that no other process began the new file.
        drop(old);
        sync_folder(path).map_err(|error| failed(&error))
    }
}

/// Returns the newest rotated file, unless it is compressed.
fn newest(path: &Path) -> Option<PathBuf> {
    let (_, kind, newest) = rotated_name::list(path).ok()?.pop()?;
    (kind == RotatedKind::Plain).then_some(newest)
}

/// Calls rename(2) without replacing an existing file.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems cannot promise this; the caller checked before whether the name is free.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(from, to),
        done => Ok(done?),
    }
}
