//! The file of a baseline.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use tracego_report::{
    baseline::{Baseline, BaselineComparison},
    history::RunHistory,
};

use super::named;
use crate::cli::wrong_usage;

/// A baseline, and the file that it is in.
pub(super) struct KnownBaseline {
    path: PathBuf,
    baseline: Baseline,
}

impl KnownBaseline {
    /// Reads a baseline. With `creates`, a file that is missing is an empty one.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is no baseline.
    pub(super) fn read(path: &Path, creates: bool) -> anyhow::Result<Self> {
        let baseline = match fs::read(path) {
            Ok(bytes) => match Baseline::parse(&bytes) {
                Ok(baseline) => baseline,
                Err(error) => wrong_usage!("--baseline {}: {error}", path.display()),
            },
            Err(error) if error.kind() == ErrorKind::NotFound && creates => Baseline::default(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                wrong_usage!("--baseline {}: {error}; --update creates it", path.display())
            }
            Err(error) => wrong_usage!("--baseline {}: {error}", path.display()),
        };
        Ok(Self { path: path.to_owned(), baseline })
    }

    /// Holds a run against the baseline. With `accepts`, new processes are named and are no findings.
    pub(super) fn compare(&self, history: &RunHistory, accepts: bool) -> BaselineComparison {
        let mut comparison = BaselineComparison::new(&self.baseline, history);
        comparison.is_accepted = accepts;
        comparison
    }

    /// Adds a run and writes the file, so that it is the old or the new one at any time.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(super) fn update(mut self, history: &RunHistory) -> anyhow::Result<()> {
        self.baseline.add(history);
        let bytes = self.baseline.to_file()?;
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        let fresh = PathBuf::from(name);
        named(fs::write(&fresh, bytes), "cannot write", &fresh)?;
        named(fs::rename(&fresh, &self.path), "cannot write", &self.path)
    }
}
