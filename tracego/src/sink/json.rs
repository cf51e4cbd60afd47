//! One JSON object a line, into a file or standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::enrich::Record;

/// Writes records as NDJSON.
pub struct JsonSink {
    out: BufWriter<Box<dyn Write + Send>>,
}

impl JsonSink {
    /// Writes to standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to(Box::new(io::stdout()))
    }

    /// Writes to standard error: for `run`, whose standard output is the command's.
    #[must_use]
    pub fn stderr() -> Self {
        Self::to(Box::new(io::stderr()))
    }

    /// Appends to a file, made with mode 0600.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file: File = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self::to(Box::new(file)))
    }

    fn to(out: Box<dyn Write + Send>) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, out) }
    }

    /// Writes one record; it is on its way after [`Self::flush`].
    ///
    /// # Errors
    /// When the output refuses it.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, record)?;
        self.out.write_all(b"\n")
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// When the output refuses it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
