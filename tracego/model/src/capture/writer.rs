//! Writes pipeline input into a capture file.

use std::io::{self, Write};

use super::{
    MAGIC, StoredMeta, VERSION, checksum,
    digests::{StoredDigest, StoredVerdict},
    kind,
    notes::ImageWriteTable,
};
use crate::{
    clock::ClockSteps,
    input::{Batch, Input, batch::DecodedEvent, note::StartNote},
    ledger::Ledger,
    meta::Meta,
};

/// A writer of a capture.
pub struct CaptureWriter {
    out: Box<dyn Write + Send>,
    ledger: Ledger,
    images: ImageWriteTable,
    /// Settings of the wall clock that the file has.
    steps: ClockSteps,
    failed: bool,
}

impl CaptureWriter {
    /// Starts a capture.
    ///
    /// # Errors
    /// Fails if the output rejects it.
    pub fn new(mut out: Box<dyn Write + Send>, meta: &Meta) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let head = StoredMeta {
            host_id: meta.origin.host.id.clone(),
            host_name: meta.origin.host.name.clone(),
            instance: meta.origin.service.instance.id.clone(),
            number: meta.instance,
            boot_id: meta.boot_id.to_string(),
            injected: meta.injected.clone(),
            users: meta.users.iter().map(|(id, name)| (id, name.to_owned())).collect(),
            mount_namespaces: meta.mount_namespaces.clone(),
            tick_hz: meta.tick_hz,
            page_size: meta.page_size,
        };
        let mut writer = Self {
            out,
            ledger: Ledger::default(),
            images: ImageWriteTable::default(),
            steps: ClockSteps::default(),
            failed: false,
        };
        writer.frame(kind::META, &serde_json::to_vec(&head)?)?;
        Ok(writer)
    }

    fn notes(&mut self, notes: &[(u32, &StartNote)]) -> io::Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        let (images, notes) = self.images.write(notes)?;
        if let Some(images) = images {
            self.frame(kind::IMAGES, &images)?;
        }
        self.frame(kind::NOTES, &notes)
    }

    fn frame(&mut self, kind: u32, payload: &[u8]) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier frame could not be written"));
        }
        let len = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut head = [0; 12];
        head[..4].copy_from_slice(&kind.to_le_bytes());
        head[4..8].copy_from_slice(&len.to_le_bytes());
        let sum = checksum(&head[..8], payload);
        head[8..].copy_from_slice(&sum.to_le_bytes());
        let done = self
            .out
            .write_all(&head)
            .and_then(|()| self.out.write_all(payload))
            .and_then(|()| self.out.flush());
        // Frames after a torn frame could not be read.
        self.failed = done.is_err();
        done
    }
}

impl CaptureWriter {
    /// Writes one piece of input.
    ///
    /// # Errors
    /// Fails if the output refuses it; what is refused is counted.
    pub fn write(&mut self, input: Input) -> io::Result<()> {
        match input {
            Input::Seed(seeds, now) => self.frame(kind::SEED, &serde_json::to_vec(&(seeds, now))?),
            Input::Batch(batch) => self.write_batch(&batch, &batch.decode()),
            Input::Inventory(batch) => self.write_inventory(&batch, &batch.decode()),
            Input::LostJobs(jobs, now) => self.frame(kind::LOST_JOBS, &serde_json::to_vec(&(jobs, now))?),
            Input::Services(states, now) => self.frame(kind::SERVICES, &serde_json::to_vec(&(states, now))?),
            Input::Digests(digests, now) => {
                let digests: Vec<StoredDigest> = digests.into_iter().map(Into::into).collect();
                self.frame(kind::DIGESTS, &serde_json::to_vec(&(digests, now))?)
            }
            Input::Verdicts(verdicts, now) => {
                let verdicts: Vec<StoredVerdict> = verdicts.into_iter().map(Into::into).collect();
                self.frame(kind::VERDICTS, &serde_json::to_vec(&(verdicts, now))?)
            }
            Input::Pods(changes, now) => self.frame(kind::PODS, &serde_json::to_vec(&(changes, now))?),
            // A capture has neither sinks nor rules, and no other run continues it.
            Input::Answered(..)
            | Input::Drained(..)
            | Input::SinkLoss(..)
            | Input::Reload(..)
            | Input::Takeover(..) => Ok(()),
            Input::Counters(counters, now) => {
                self.ledger.kernel = counters;
                self.frame(kind::COUNTERS, &serde_json::to_vec(&(counters, now))?)
            }
            Input::Heartbeat(counters, now) => {
                self.ledger.kernel = counters;
                self.frame(kind::HEARTBEAT, &serde_json::to_vec(&(counters, now))?)
            }
        }
    }

    /// Writes a batch and the notes on its decoded events.
    ///
    /// # Errors
    /// Fails if the output refuses it; what is refused is counted.
    pub fn write_batch(&mut self, batch: &Batch, events: &[DecodedEvent<'_>]) -> io::Result<()> {
        let pieces = events.iter().filter(|event| event.is_piece).count() as u64;
        let records = batch.len() as u64 - pieces;
        let done = self.write_events(kind::BATCH, batch, events);
        self.ledger.processed += records;
        self.ledger.pieces += pieces;
        let count = if done.is_ok() { &mut self.ledger.written } else { &mut self.ledger.write_errors };
        *count += records;
        done
    }

    /// Writes programs that ran before and the notes on them. The ledger counts events of the kernel side alone.
    ///
    /// # Errors
    /// Fails if the output refuses it.
    pub fn write_inventory(&mut self, batch: &Batch, events: &[DecodedEvent<'_>]) -> io::Result<()> {
        self.write_events(kind::INVENTORY, batch, events)
    }

    fn write_events(&mut self, kind: u32, batch: &Batch, events: &[DecodedEvent<'_>]) -> io::Result<()> {
        let notes = events.iter().zip(0..).filter_map(|(event, at)| Some((at, event.note.as_ref()?)));
        let notes: Vec<(u32, &StartNote)> = notes.collect();
        if batch.clock.steps != self.steps {
            self.frame(kind::CLOCK_STEPS, &serde_json::to_vec(&batch.clock.steps)?)?;
            self.steps = batch.clock.steps;
        }
        let mut payload = Vec::with_capacity(batch.bytes().len() + 16);
        payload.extend_from_slice(&batch.clock.boot_ns.to_le_bytes());
        payload.extend_from_slice(&batch.clock.unix_ns.to_le_bytes());
        payload.extend_from_slice(batch.bytes());
        self.notes(&notes).and_then(|()| self.frame(kind, &payload))
    }

    /// Writes the last frame.
    ///
    /// # Errors
    /// Fails if the output refuses what is left.
    pub fn finish(&mut self) -> io::Result<()> {
        self.frame(kind::END, &[])
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger
    }

    /// Returns why nothing more is written, after a part of the capture could not be.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.failed.then(|| "writing the capture failed; it ends before that point".to_owned())
    }
}
