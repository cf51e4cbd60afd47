//! The file for records that a receiver refused for good.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use serde_json::{Value, json};
use tracego_model::clock::{Reading, Time};

use crate::sink::delivery::RefusedRecords;

/// The dead letters: lines of JSON with the time, the reason, and the record as the receiver would have got
/// it.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl DeadLetters {
    /// Creates the file's writer. Without a path, refused records are only counted.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, file: None }
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    /// Writes refused records. They are on the disk when this returns.
    ///
    /// # Errors
    /// Fails with the error of the operating system; none of the records are then in the file, unless it
    /// cannot be truncated either.
    pub(super) fn write(
        &mut self,
        sink: &str,
        refused: Vec<(&RefusedRecords, Vec<Value>)>,
    ) -> io::Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| !refused.is_empty()) else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                none.insert(file)
            }
        };
        let now = Time(Reading::now().unix_ns);
        let mut lines = Vec::new();
        for (refused, records) in refused {
            for record in records {
                // A receiver may refuse some records of a batch without naming them: all are written, and
                // marked as such.
                let line = json!({
                    "time": now, "sink": sink, "reason": refused.reason(), "why": refused.why,
                    "refused": refused.count, "among": refused.among, "record": record,
                });
                serde_json::to_writer(&mut lines, &line)?;
                lines.push(b'\n');
            }
        }
        let before = file.metadata().ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
        let done = file.write_all(&lines).and_then(|()| file.sync_data());
        if done.is_err() {
            // The records are refused again at the next attempt, and must not be in the file twice.
            if let Some(before) = before {
                let _kept = file.set_len(before);
            }
            self.file = None;
        }
        done
    }
}
