//! Reads a capture file as pipeline input. The file is untrusted.

use std::io::{self, Read};

use super::{
    CaptureError, FRAME_MAX, MAGIC, OLDEST, StoredMeta, VERSION, checksum,
    digests::{StoredDigest, StoredVerdict},
    kind,
    notes::ImageReadTable,
};
use crate::{
    clock::{ClockSteps, Reading},
    counters::{Counters, JobLoss},
    input::{Batch, Input, Seed, facts::ServiceState, pods::PodChanges},
    linux::users::Users,
    meta::Meta,
    record::{Host, Instance, Origin, Service},
};

/// A reader of a capture.
pub struct CaptureReader<R> {
    input: R,
    at: u64,
    meta: Meta,
    known: ImageReadTable,
    /// Settings of the wall clock that the batches behind know.
    steps: ClockSteps,
}

impl<R: Read> CaptureReader<R> {
    /// Reads the file up to the first input.
    ///
    /// # Errors
    /// Fails if the file is no readable capture, see [`CaptureError`].
    pub fn new(input: R) -> Result<Self, CaptureError> {
        let mut reader = Self {
            input,
            at: 0,
            meta: Meta::default(),
            known: ImageReadTable::default(),
            steps: ClockSteps::default(),
        };
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
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(CaptureError::Version(version));
        }
        reader.at = 12;
        let (kind, payload) = reader.frame()?;
        if kind != kind::META {
            return Err(CaptureError::Damaged(12, "the first frame is not the metadata"));
        }
        let head: StoredMeta = serde_json::from_slice(&payload)
            .map_err(|_| CaptureError::Damaged(12, "the metadata is not valid JSON"))?;
        reader.meta = Meta {
            enforcement: None,
            host: None,
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
            mount_namespaces: head.mount_namespaces,
            tick_hz: head.tick_hz,
            page_size: head.page_size,
            instance: head.number,
            raw: false,
            unshown: std::sync::Arc::default(),
        };
        Ok(reader)
    }

    /// Returns the metadata of the recorded run.
    #[must_use]
    pub fn meta(&self) -> Meta {
        self.meta.clone()
    }

    /// Returns the next piece of input; `None` at the end.
    ///
    /// # Errors
    /// Fails if the file is cut or damaged, see [`CaptureError`].
    pub fn next_input(&mut self) -> Result<Option<Input>, CaptureError> {
        let (at, kind, payload) = loop {
            let at = self.at;
            let (kind, payload) = self.frame()?;
            match kind {
                kind::IMAGES => self.known.take_images(&payload, at)?,
                kind::NOTES => self.known.take_notes(&payload, at)?,
                kind::CLOCK_STEPS => {
                    self.steps = serde_json::from_slice(&payload).map_err(|_| {
                        CaptureError::Damaged(at, "the settings of the clock are not valid JSON")
                    })?;
                }
                _ => break (at, kind, payload),
            }
        };
        let json = |_| CaptureError::Damaged(at, "the frame is not valid JSON");
        Ok(Some(match kind {
            kind::SEED => {
                let (seeds, now): (Vec<Seed>, Reading) = serde_json::from_slice(&payload).map_err(json)?;
                Input::Seed(seeds, now)
            }
            kind::BATCH | kind::INVENTORY => {
                let (clock, bytes) = payload
                    .split_at_checked(16)
                    .ok_or(CaptureError::Damaged(at, "the batch is too short"))?;
                let (boot, unix) = clock.split_at(8);
                let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_le_bytes);
                let clock = Reading { boot_ns: number(boot), unix_ns: number(unix), steps: self.steps };
                let mut batch = Batch::from_bytes(clock, bytes.to_vec());
                batch.set_notes(self.known.waiting());
                if kind == kind::BATCH { Input::Batch(batch) } else { Input::Inventory(batch) }
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
            kind::SERVICES => {
                let (states, now): (Vec<ServiceState>, Reading) =
                    serde_json::from_slice(&payload).map_err(json)?;
                Input::Services(states, now)
            }
            kind::DIGESTS => {
                let (digests, now): (Vec<StoredDigest>, Reading) =
                    serde_json::from_slice(&payload).map_err(json)?;
                Input::Digests(digests.into_iter().map(Into::into).collect(), now)
            }
            kind::VERDICTS => {
                let (verdicts, now): (Vec<StoredVerdict>, Reading) =
                    serde_json::from_slice(&payload).map_err(json)?;
                Input::Verdicts(verdicts.into_iter().map(Into::into).collect(), now)
            }
            kind::PODS => {
                let (changes, now): (PodChanges, Reading) = serde_json::from_slice(&payload).map_err(json)?;
                Input::Pods(changes, now)
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
        // Grows with the bytes read, so that a damaged length does not cost memory.
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
