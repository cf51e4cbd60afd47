//! A file of raw kernel records, and the way back: the same decode → enrich → sink without root.
//!
//! ```text
//! "TRACEGO\0" version:u32                      integers are little-endian
//! { kind:u32 len:u32 crc32:u32 payload[len] }  until a frame of kind END
//! ```
//! The checksum is that of kind, length and payload: a damaged kind must not end a capture early.
//! The payload of a batch is raw memory of the machine that wrote it; only little-endian machines
//! read and write these files.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Reading,
    enrich::{
        Meta,
        record::{Host, Instance, Origin, Service},
        users::Users,
    },
    input::{Batch, Consumer, Input, Seed},
    kernel::counters::{Counters, JobLoss},
    ledger::Ledger,
};

const MAGIC: &[u8; 8] = b"TRACEGO\0";
/// Grows with every change of a frame or of the wire types.
const VERSION: u32 = 2;
/// Longest payload: a batch is cut at a quarter of a megabyte and one long record.
const FRAME_MAX: u32 = 64 << 20;

mod kind {
    pub(super) const META: u32 = 1;
    pub(super) const SEED: u32 = 2;
    pub(super) const BATCH: u32 = 3;
    pub(super) const COUNTERS: u32 = 4;
    pub(super) const HEARTBEAT: u32 = 5;
    pub(super) const END: u32 = 6;
    pub(super) const LOST_JOBS: u32 = 7;
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

/// Why a file cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Another kind of file.
    #[error("not a capture of tracego (it does not start with \"TRACEGO\")")]
    Foreign,
    /// Another version.
    #[error("written by another version of tracego (format {0}, this one reads {VERSION})")]
    Version(u32),
    /// It ends within a frame, or without the last one.
    #[error("cut off after {0} bytes: the capture did not end in order; everything before was replayed")]
    Cut(u64),
    /// A frame is damaged.
    #[error("damaged at byte {0}: {1}; everything before was replayed")]
    Damaged(u64, &'static str),
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// [`Meta`] as it is in a file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Head {
    host_id: String,
    host_name: String,
    instance: String,
    number: u32,
    boot_id: String,
    injected: Vec<(String, String)>,
    users: Vec<(u32, String)>,
    tick_hz: u64,
    page_size: u64,
}

/// Writes a capture.
pub struct Writer {
    out: Box<dyn Write + Send>,
    ledger: Ledger,
    failed: bool,
}

impl Writer {
    /// Starts a file.
    ///
    /// # Errors
    /// When the output refuses it.
    pub fn new(mut out: Box<dyn Write + Send>, meta: &Meta) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let head = Head {
            host_id: meta.origin.host.id.clone(),
            host_name: meta.origin.host.name.clone(),
            instance: meta.origin.service.instance.id.clone(),
            number: meta.instance,
            boot_id: meta.boot_id.to_string(),
            injected: meta.injected.clone(),
            users: meta.users.iter().map(|(id, name)| (id, name.to_owned())).collect(),
            tick_hz: meta.tick_hz,
            page_size: meta.page_size,
        };
        let mut writer = Self { out, ledger: Ledger::default(), failed: false };
        writer.frame(kind::META, &serde_json::to_vec(&head)?)?;
        Ok(writer)
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
        // What follows a torn frame could not be read.
        self.failed = done.is_err();
        done
    }
}

impl Consumer for Writer {
    fn take(&mut self, input: Input) -> io::Result<()> {
        match input {
            Input::Seed(seeds, now) => self.frame(kind::SEED, &serde_json::to_vec(&(seeds, now))?),
            Input::Batch(batch) => {
                let pieces = batch.iter().filter(|record| crate::decode::is_piece(record)).count() as u64;
                let records = batch.len() as u64 - pieces;
                let mut payload = Vec::with_capacity(batch.bytes().len() + 16);
                payload.extend_from_slice(&batch.clock.boot_ns.to_le_bytes());
                payload.extend_from_slice(&batch.clock.unix_ns.to_le_bytes());
                payload.extend_from_slice(batch.bytes());
                let done = self.frame(kind::BATCH, &payload);
                self.ledger.processed += records;
                self.ledger.pieces += pieces;
                let count =
                    if done.is_ok() { &mut self.ledger.written } else { &mut self.ledger.write_errors };
                *count += records;
                done
            }
            Input::LostJobs(jobs, now) => self.frame(kind::LOST_JOBS, &serde_json::to_vec(&(jobs, now))?),
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

    fn end(&mut self) -> io::Result<()> {
        self.frame(kind::END, &[])
    }

    fn ledger(&self) -> Ledger {
        self.ledger
    }
}

/// Reads a capture.
pub struct Reader<R> {
    input: R,
    at: u64,
    meta: Meta,
}

impl<R: Read> Reader<R> {
    /// Reads up to the first record.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub fn new(input: R) -> Result<Self, CaptureError> {
        let mut reader = Self { input, at: 0, meta: Meta::default() };
        let mut start = [0; 12];
        match reader.input.read_exact(&mut start) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(CaptureError::Foreign),
            done => done?,
        }
        let (magic, version) = start.split_at(8);
        if magic != MAGIC {
            return Err(CaptureError::Foreign);
        }
        let version = version.try_into().map_or(0, u32::from_le_bytes);
        if version != VERSION {
            return Err(CaptureError::Version(version));
        }
        reader.at = 12;
        let (kind, payload) = reader.frame()?;
        if kind != kind::META {
            return Err(CaptureError::Damaged(12, "the first frame is not the description"));
        }
        let head: Head = serde_json::from_slice(&payload)
            .map_err(|_| CaptureError::Damaged(12, "the description is no JSON"))?;
        reader.meta = Meta {
            origin: Origin {
                host: Host { id: head.host_id, name: head.host_name },
                service: Service {
                    name: "tracego",
                    version: env!("CARGO_PKG_VERSION"),
                    instance: Instance { id: head.instance },
                },
            }
            .into(),
            boot_id: head.boot_id.into(),
            injected: head.injected,
            users: Users::from_pairs(head.users),
            tick_hz: head.tick_hz,
            page_size: head.page_size,
            instance: head.number,
            raw: false,
        };
        Ok(reader)
    }

    /// What the records say about the run.
    #[must_use]
    pub fn meta(&self) -> Meta {
        self.meta.clone()
    }

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub fn next_input(&mut self) -> Result<Option<Input>, CaptureError> {
        let at = self.at;
        let json = |_| CaptureError::Damaged(at, "no JSON where there must be");
        let (kind, payload) = self.frame()?;
        Ok(Some(match kind {
            kind::SEED => {
                let (seeds, now): (Vec<Seed>, Reading) = serde_json::from_slice(&payload).map_err(json)?;
                Input::Seed(seeds, now)
            }
            kind::BATCH => {
                let (clock, bytes) =
                    payload.split_at_checked(16).ok_or(CaptureError::Damaged(at, "a short batch"))?;
                let (boot, unix) = clock.split_at(8);
                let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_le_bytes);
                let clock = Reading { boot_ns: number(boot), unix_ns: number(unix) };
                Input::Batch(Batch::from_bytes(clock, bytes.to_vec()))
            }
            kind::COUNTERS | kind::HEARTBEAT => {
                let (counters, now): (Counters, Reading) = serde_json::from_slice(&payload).map_err(json)?;
                if kind == kind::COUNTERS {
                    Input::Counters(counters, now)
                } else {
                    Input::Heartbeat(counters, now)
                }
            }
            kind::LOST_JOBS => {
                let (jobs, now): (Vec<JobLoss>, Reading) = serde_json::from_slice(&payload).map_err(json)?;
                Input::LostJobs(jobs, now)
            }
            kind::END => return Ok(None),
            _ => return Err(CaptureError::Damaged(at, "unknown kind of frame")),
        }))
    }

    fn frame(&mut self) -> Result<(u32, Vec<u8>), CaptureError> {
        let at = self.at;
        let mut head = [0; 12];
        self.exact(&mut head)?;
        let number = |range: std::ops::Range<usize>| {
            head.get(range).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
        };
        let (kind, len, sum) = (number(0..4), number(4..8), number(8..12));
        if len > FRAME_MAX {
            return Err(CaptureError::Damaged(at, "a frame is too long"));
        }
        // Grows as bytes come: a damaged length costs no memory.
        let mut payload = Vec::new();
        let read = (&mut self.input).take(u64::from(len)).read_to_end(&mut payload)?;
        self.at += read as u64;
        if read < len as usize {
            return Err(CaptureError::Cut(self.at));
        }
        if checksum(&head[..8], &payload) != sum {
            return Err(CaptureError::Damaged(at, "the checksum is wrong"));
        }
        Ok((kind, payload))
    }

    fn exact(&mut self, to: &mut [u8]) -> Result<(), CaptureError> {
        match self.input.read_exact(to) {
            Ok(()) => {
                self.at += to.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(CaptureError::Cut(self.at)),
            Err(error) => Err(error.into()),
        }
    }
}
