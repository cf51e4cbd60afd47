//! Starts whose executable is not known well enough when their record is made, and the records that follow.

use std::sync::Arc;

use tracego_model::{
    clock::Reading,
    event::ExecCopy,
    input::digest::FileDigest,
    record::{
        Container, K8s, OtelSeverity, Own, Process, Record, event_name, frozen::Frozen, job::Context,
        linux::ExecutableFile,
    },
};

use super::Enricher;
use crate::inspect::digest::requests::HashedStart;

/// A start, as the record about its executable needs it.
#[derive(Debug)]
pub struct StartedProgram {
    process: Box<Process>,
    context: Option<Arc<Context>>,
    container: Option<Container>,
    k8s: Option<Arc<Frozen<K8s>>>,
    own: Box<Own>,
    /// The start.
    pub start: HashedStart,
    /// Whether the record of the start is written.
    pub is_written: bool,
    /// Whether the record of the start says that the digest is to come.
    pub is_digest_pending: bool,
    /// Whether the configuration demands provenance of the executable.
    pub is_proof_required: bool,
    /// The event, where the start may still be stopped.
    pub exec: Option<ExecCopy>,
    /// The record of the start, where policies decide about it again.
    pub undecided: Option<Box<Record>>,
}

impl StartedProgram {
    /// Sets what is known about the digest.
    pub fn set_digest(&mut self, digest: FileDigest) {
        if let Some(file) = &mut self.own.executable {
            file.set_digest(digest);
        }
    }

    /// Returns the file.
    #[must_use]
    pub fn executable(&self) -> Option<&ExecutableFile> {
        self.own.executable.as_ref()
    }

    /// Returns the path of the executable; empty where it is not known.
    #[must_use]
    pub fn path(&self) -> &str {
        self.process.executable.as_ref().map_or("", |file| &file.path)
    }
}

impl Enricher {
    /// Returns what a record about the executable of a start will need. `None` for a record of no process.
    #[must_use]
    pub fn started_program(
        &self,
        record: &Record,
        start: HashedStart,
        is_written: bool,
    ) -> Option<StartedProgram> {
        let (process, own) = (record.process.as_deref()?, &record.tracego);
        let process = Box::new(Process {
            executable: process.executable.clone(),
            user: process.user.clone(),
            interactive: process.interactive,
            linux: process.linux.clone(),
            pid: process.pid,
            parent_pid: process.parent_pid,
            creation: process.creation,
            command: process.command.clone(),
            ..Process::default()
        });
        let own = Box::new(Own {
            exec_id: own.exec_id.clone(),
            inventory: own.inventory,
            executable: own.executable.clone(),
            go: own.go.clone(),
            job: own.job.clone(),
            unit: own.unit.clone(),
            in_tree: own.in_tree,
            ancestors: own.ancestors.clone(),
            reparented: own.reparented,
            ..self.own()
        });
        let (context, container, k8s) =
            (record.context.clone(), record.container.clone(), record.k8s.clone());
        Some(StartedProgram {
            process,
            context,
            container,
            k8s,
            own,
            start,
            is_written,
            is_digest_pending: false,
            is_proof_required: false,
            exec: None,
            undecided: None,
        })
    }

    /// Makes the record about the executable of a start.
    pub fn executable(&mut self, program: StartedProgram, reading: Reading) -> Record {
        let StartedProgram { process, context, container, k8s, own, .. } = program;
        self.set_clock(reading);
        let path = process.executable.as_ref().map_or("", |file| &file.path);
        let digest = own.executable.as_ref().and_then(|file| file.digest);
        let (sha256, state) = digest.map_or((None, None), |digest| (digest.sha256, digest.state));
        let body = match (sha256, state) {
            (Some(sha256), None) => format!("SHA-256 of {path}: {sha256}"),
            (Some(sha256), Some(state)) => format!("SHA-256 of {path}: {sha256} ({state})"),
            (None, why) => format!("no digest of {path}: {}", why.unwrap_or_default()),
        };
        let stamp = self.builder.stamp(reading);
        let record = self.envelope(event_name::EXECUTABLE, OtelSeverity::Info, stamp, body, *own);
        Record { process: Some(process), context, container, k8s, ..record }
    }
}
