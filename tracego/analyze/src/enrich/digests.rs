//! Starts whose executable was being hashed when their record was made, and the records of the digests.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use tracego_common::TaskId;
use tracego_model::{
    clock::Reading,
    input::digest::FileDigest,
    process_key::ProcessKey,
    record::{
        Container, K8s, OtelSeverity, Own, Process, Record, event_name, frozen::Frozen, job::Context,
        linux::ExecutableDigest,
    },
};

use super::Enricher;

/// Maximum number of such starts; the oldest are forgotten first.
const STARTS_MAX: NonZeroUsize = match NonZeroUsize::new(8192) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// The members of a start that the record of its digest has, too.
#[derive(Debug)]
struct HashedProgram {
    process: Box<Process>,
    context: Option<Arc<Context>>,
    container: Option<Container>,
    k8s: Option<Arc<Frozen<K8s>>>,
    own: Box<Own>,
}

/// The starts whose digest is to come, by process and time of the start.
#[derive(Debug)]
pub(super) struct AwaitedDigests(LruCache<(ProcessKey, u64), HashedProgram>);

impl Default for AwaitedDigests {
    fn default() -> Self {
        Self(LruCache::new(STARTS_MAX))
    }
}

impl Enricher {
    /// Keeps what the record of a digest will need, if the digest of this start is to come. `boot_ns`: time of the
    /// start, nanoseconds since boot.
    pub fn await_digest(&mut self, id: TaskId, boot_ns: u64, record: &Record) {
        let own = &record.tracego;
        let digest = own.executable.as_ref().and_then(|file| file.digest);
        let (Some(process), true) = (&record.process, digest == Some(FileDigest::Pending.into())) else {
            return;
        };
        let process = Box::new(Process {
            executable: process.executable.clone(),
            user: process.user.clone(),
            pid: process.pid,
            parent_pid: process.parent_pid,
            creation: process.creation,
            command: process.command.clone(),
            ..Process::default()
        });
        let own = Box::new(Own {
            exec_id: own.exec_id.clone(),
            executable: own.executable.clone(),
            job: own.job.clone(),
            in_tree: own.in_tree,
            ..self.own()
        });
        let (context, container, k8s) =
            (record.context.clone(), record.container.clone(), record.k8s.clone());
        self.digests.0.put((id.into(), boot_ns), HashedProgram { process, context, container, k8s, own });
    }

    /// Makes the record of a digest that came after its start. Returns `None` for a start that has no record or is
    /// forgotten.
    pub fn digest(
        &mut self,
        id: TaskId,
        boot_ns: u64,
        digest: FileDigest,
        reading: Reading,
    ) -> Option<Record> {
        let HashedProgram { process, context, container, k8s, mut own } =
            self.digests.0.pop(&(id.into(), boot_ns))?;
        self.set_clock(reading);
        let path = process.executable.as_ref().map_or("", |file| &file.path);
        let digest = ExecutableDigest::from(digest);
        let body = match (digest.sha256, digest.state) {
            (Some(sha256), None) => format!("SHA-256 of {path}: {sha256}"),
            (Some(sha256), Some(state)) => format!("SHA-256 of {path}: {sha256} ({state})"),
            (None, why) => format!("no digest of {path}: {}", why.unwrap_or_default()),
        };
        if let Some(file) = &mut own.executable {
            file.digest = Some(digest);
        }
        let stamp = self.builder.stamp(reading);
        let record = self.envelope(event_name::EXECUTABLE, OtelSeverity::Info, stamp, body, *own);
        Some(Record { process: Some(process), context, container, k8s, ..record })
    }
}
