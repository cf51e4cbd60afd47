//! A folder of advisories, with folders in it.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use tracego_model::text::printable;
use tracego_sbom::osv::{ADVISORY_MAX, OsvDatabase};

use crate::cli::wrong_usage;

/// Maximum number of folders below each other.
const DEPTH: usize = 8;
/// Maximum number of files that are named because they cannot be read; all are counted.
const NAMED_MAX: u64 = 5;

/// The advisories of a folder.
#[derive(Default)]
pub(super) struct AdvisoryFolder {
    pub(super) database: OsvDatabase,
    /// Number of files that could not be read.
    pub(super) unread: u64,
}

/// Reads the files `*.json` of a folder. Those that are no advisories are named on standard error, and counted.
///
/// # Errors
/// Fails if the folder cannot be read, or if it has no advisory about Go modules: nothing would be found in any bill.
pub(super) fn read(folder: &Path) -> anyhow::Result<AdvisoryFolder> {
    let mut read = AdvisoryFolder::default();
    if let Err(error) = read.folder(folder, DEPTH) {
        wrong_usage!("--osv {}: {error}", folder.display());
    }
    if read.unread > NAMED_MAX {
        message!("tracego: and {} more files that could not be read", read.unread - NAMED_MAX);
    }
    if read.database.count() == 0 {
        wrong_usage!("--osv {}: no advisory about Go modules is there", folder.display());
    }
    Ok(read)
}

impl AdvisoryFolder {
    fn folder(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        let entries: io::Result<Vec<PathBuf>> =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
        let mut entries = entries?;
        entries.sort_unstable();
        for path in entries {
            if path.is_dir() {
                if depth > 0 {
                    self.folder(&path, depth - 1)?;
                }
            } else if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
                self.file(&path);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) {
        let mut bytes = Vec::new();
        // One byte more than is allowed shows that a file is too long.
        let read =
            File::open(path).and_then(|file| file.take(ADVISORY_MAX as u64 + 1).read_to_end(&mut bytes));
        let reason = match read {
            Ok(_) => self.database.add(&bytes).err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = reason {
            self.unread += 1;
            if self.unread <= NAMED_MAX {
                message!("tracego: {}: {reason}", printable(&path.to_string_lossy()));
            }
        }
    }
}
