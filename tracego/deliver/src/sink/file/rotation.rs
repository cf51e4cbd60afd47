//! Appending of records to a file, and rotation to the next file.

use std::{
    io,
    path::Path,
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
    rotated_name::{self, RotationStamp},
    settings::{FileSettings, SyncMode},
    target::FileTarget,
};
use crate::{
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
        Ok(Self { settings: settings.clone(), place, current, last, shared, chain })
    }

    /// Writes as much of a batch as possible.
    pub(super) fn deliver(&mut self, batch: &Batch) -> DeliveryResult {
        let mut done = 0;
        let mut refused = Vec::new();
        let result = match self.chain.take() {
            None => self.ensure_open(None).and_then(|()| self.write(batch, &mut done)),
            Some(mut chain) => {
                let result = self.write_linked(batch, &mut done, &mut refused, &mut chain);
                self.chain = Some(chain);
                result
            }
        };
        let trouble = result.err().map(|error| {
            // Opening the file anew may fix what is wrong with it, and the next attempt then finds where it
            // ends. A FIFO or a terminal stays open for its reader while there is one.
            let gone = error.number() == Some(Errno::PIPE.raw_os_error());
            self.current = self.current.take().filter(|current| !current.is_regular() && !gone);
            DeliveryError::new(error.to_string())
        });
        DeliveryResult { done, refused, trouble }
    }

    /// Links the lines and writes them, behind the chain's own lines. Lines that cannot be linked are
    /// refused.
    fn write_linked(
        &mut self,
        batch: &Batch,
        done: &mut usize,
        refused: &mut Vec<RefusedRecords>,
        chain: &mut FileChain,
    ) -> Result<(), FileError> {
        self.ensure_open(Some(chain))?;
        let linked = chain.link(batch, Reading::now()).map_err(|error| self.place.failed(&error))?;
        let mut lines = 0;
        let result = self.write(linked.lines(), &mut lines);
        chain.wrote(&linked, lines, result.is_err());
        (*done, *refused) = linked.done_and_refused(lines);
        result
    }

    /// Writes the last seal.
    pub(super) fn end(&mut self) {
        let Some(mut chain) = self.chain.take().filter(FileChain::is_open) else { return };
        let result = self.ensure_open(Some(&mut chain)).and_then(|()| {
            let ended = chain.end(Reading::now()).map_err(|error| self.place.failed(&error))?;
            let Some((seals, link)) = ended else { return Ok(()) };
            let seals: Vec<&[u8]> = seals.iter().map(Vec::as_slice).collect();
            self.write(&Batch::new(&seals), &mut 0)?;
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
        if let Some(chain) = chain.filter(|chain| !known || !chain.is_open()) {
            let before = Before::read(&self.place.path).map_err(|error| self.place.failed(&error))?;
            chain.resume_or_reopen(&before);
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, done: &mut usize) -> Result<(), FileError> {
        let begun = *done;
        while *done < batch.len() {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => OutputFile::open(&self.place)?,
            };
            if self.is_full(&current, batch.bytes(*done..*done + 1).len()) {
                self.rotate(current)?;
                continue;
            }
            let records = *done..self.fitting(&current, batch, *done);
            let wanted = records.len();
            let (settled, error) = current.append(batch, records, self.settings.sync == SyncMode::Batch);
            let removed = current.is_removed();
            self.current = Some(current);
            if removed {
                // A last check, so that no record is acknowledged that cannot be found. Records that an
                // earlier file of this batch has are then written twice.
                *done = begun;
                return Err(self
                    .place
                    .failed(&io::Error::other("the file was removed while tracego wrote to it")));
            }
            *done += settled;
            if let Some(error) = error {
                return Err(self.place.failed(&error));
            }
            debug_assert_eq!(settled, wanted);
        }
        Ok(())
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

    /// Returns the end of the records that fit, counted from `first`, which always fits.
    fn fitting(&self, current: &OutputFile, batch: &Batch, first: usize) -> usize {
        let most = self.settings.rotate_bytes.filter(|_| current.is_regular());
        let Some(most) = most else { return batch.len() };
        let room = most.0.saturating_sub(current.len()).try_into().unwrap_or(usize::MAX);
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
        self.shared.counts.rotated.fetch_add(1, Ordering::Relaxed);
        self.shared.tidy.store(true, Ordering::Relaxed);
        self.current = Some(OutputFile::open(&self.place)?);
        // The lock was kept until now, so that no other process began the new file.
        drop(old);
        sync_folder(path).map_err(|error| failed(&error))
    }
}

/// Calls rename(2) without replacing an existing file.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems cannot promise this; the caller checked before whether the name is free.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(from, to),
        done => Ok(done?),
    }
}
