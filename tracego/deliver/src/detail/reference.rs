//! The records that lean records refer to.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tracego_common::TaskId;
use tracego_golang::Image;
use tracego_model::record::{
    At, Container, Executable, K8s, Log, LogRecord, OtelSeverity, Own, Process, Record, event_name, exec_id,
    frozen::Frozen,
    job::Context,
    lineage::Line,
    reference::{ImageContents, References},
    uid,
};

/// A record that others refer to.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) id: Arc<str>,
    /// Hash of the content.
    pub(super) key: u64,
    /// The record, without a number.
    pub(super) record: Record,
    /// The executable, where outputs have what it consists of. Its id does not depend on that.
    pub(super) image: Option<Arc<Image>>,
}

/// Members of a record that others refer to, beside those of tracego.
#[derive(Debug, Default)]
pub(super) struct SharedMembers {
    pub(super) context: Option<Arc<Context>>,
    pub(super) container: Option<Container>,
    pub(super) k8s: Option<Arc<Frozen<K8s>>>,
}

pub(super) fn hash_of<T: std::hash::Hash>(value: &T) -> u64 {
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

impl Reference {
    /// Makes the record; its id follows from what `own` and `shared` hold. `record`: the first that refers to it.
    pub(super) fn new(
        record: &Record,
        name: &'static str,
        body: String,
        own: Own,
        shared: SharedMembers,
        ids: impl FnOnce(Arc<str>) -> References,
    ) -> Self {
        let SharedMembers { context, container, k8s } = shared;
        let mut hash = Sha256::new();
        hash.update(name);
        // The stream is its origin and the boot; other content is the same on all machines.
        let parts = [
            serde_json::to_vec(&own),
            serde_json::to_vec(&context),
            if name == event_name::STREAM {
                serde_json::to_vec(&(&*record.origin, &record.tracego.boot_id))
            } else {
                Ok(Vec::new())
            },
        ];
        let pod = k8s.is_some() || container.is_some();
        for part in parts.into_iter().chain(pod.then(|| serde_json::to_vec(&(&container, &k8s)))) {
            hash.update(part.unwrap_or_default());
        }
        let hash = hash.finalize();
        let key = hash.iter().take(8).fold(0, |key: u64, byte| key << 8 | u64::from(*byte));
        let id: Arc<str> = format!("{key:016x}").into();
        let own = Own { references: Some(Arc::new(ids(Arc::clone(&id)).into())), ..own };
        let record = envelope(record, name, body, own, key);
        Self { id, key, record: Record { context, container, k8s, ..record }, image: None }
    }

    /// Returns the record with the time of `record`, the first that refers to it in an output or in an hour: a reader of
    /// any window of time finds it.
    pub(super) fn renewed(&self, record: &Record) -> Record {
        let uid = reference_uid(record, self.record.event_name, self.key);
        Record {
            timestamp: record.timestamp,
            observed_timestamp: record.observed_timestamp,
            log: Log { record: LogRecord { uid } },
            ..self.record.clone()
        }
    }

    /// Returns the same, with what the executable consists of.
    pub(super) fn with_contents(&self, record: &Record) -> Record {
        let mut renewed = self.renewed(record);
        if let Some(contents) = self.image.as_deref().and_then(ImageContents::of) {
            renewed.tracego.image.get_or_insert_default().contents = Some(contents);
        }
        renewed
    }
}

/// Returns the id of a record that others refer to.
fn reference_uid(record: &Record, name: &str, key: u64) -> String {
    let run = hash_of(&(&record.origin.service.instance.id, name, record.timestamp.0));
    uid::of_content(record.timestamp.0, u128::from(run & 0xffff) << 64 | u128::from(key))
}

/// Makes a record with the origin and the time of `record`.
fn envelope(record: &Record, name: &'static str, body: String, own: Own, key: u64) -> Record {
    let (severity_number, severity_text) = OtelSeverity::Info.parts();
    let uid = reference_uid(record, name, key);
    Record {
        schema: record.schema,
        schema_url: record.schema_url,
        event_name: name,
        timestamp: record.timestamp,
        observed_timestamp: record.observed_timestamp,
        severity_number,
        severity_text,
        trace: None,
        body,
        log: Log { record: LogRecord { uid } },
        seq: 0,
        origin: Arc::clone(&record.origin),
        process: None,
        context: None,
        container: None,
        k8s: None,
        tracego: Box::new(Own { boot_id: Arc::clone(&record.tracego.boot_id), ..own }),
        brief: None,
        brief_pod: None,
        is_lean: false,
    }
}

/// Makes the record of an ancestor.
pub(super) fn ancestor(record: &Record, line: &Line) -> Record {
    let executable = (!line.executable.is_empty()).then(|| Executable {
        path: line.executable.to_string(),
        name: line.executable.rsplit('/').next().unwrap_or_default().to_owned(),
        build_id: None,
        elsewhere: line.elsewhere,
    });
    let process = Process {
        pid: line.id.tgid,
        parent_pid: line.up.as_ref().map_or(0, |up| up.id.tgid),
        creation: At { time: line.created },
        command: line.command.clone(),
        executable,
        ..Process::default()
    };
    process_record(record, line.id, process, line.up.as_deref(), false)
}

/// Makes the record of the process that `record` is about.
pub(super) fn itself(record: &Record, id: TaskId) -> Option<Record> {
    let from = record.process.as_deref()?;
    let process = Process {
        pid: from.pid,
        parent_pid: from.parent_pid,
        creation: from.creation,
        command: from.command.clone(),
        executable: from.executable.clone(),
        real_user: from.real_user.clone(),
        ..Process::default()
    };
    let up = record.tracego.ancestors.as_ref().and_then(|ancestors| ancestors.0.as_deref());
    Some(process_record(record, id, process, up, record.tracego.in_tree))
}

fn process_record(record: &Record, id: TaskId, process: Process, up: Option<&Line>, in_tree: bool) -> Record {
    let boot = &record.tracego.boot_id;
    let own = Own {
        exec_id: Some(exec_id(boot, id)),
        parent_exec_id: up.map(|up| exec_id(boot, up.id)),
        in_tree,
        ..Own::default()
    };
    let body = format!("{} runs", process.command);
    let file = process.executable.as_ref().map(|file| &file.path);
    let key = hash_of(&(id.tgid, id.start_boottime, &process.command, file));
    let record = envelope(record, event_name::PROCESS, body, own, key);
    Record { process: Some(Box::new(process)), ..record }
}
