//! Loading a bundle again when it has changed, all of it or nothing.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::fs::{FileType, Stat};
use sha2::{Digest as _, Sha256};

use super::{
    Bundle, BundleError, Options,
    error::Fault,
    files::Files,
    folder::{self, Entry, Writers},
    load_with,
};

/// A file that was changed so recently could change once more without another time: the kernel's clock for
/// files has ticks.
const SETTLES: Duration = Duration::from_secs(2);

/// A bundle that follows what is on disk, and the last one that was good.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    options: Options,
    bundle: Arc<Bundle>,
    pub(super) seen: Option<Seen>,
}

/// What was on disk when it was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    /// Over names, times, sizes and inodes.
    stamp: [u8; 32],
    pub(super) settled: bool,
}

impl Watched {
    /// Loads a bundle for the first time.
    ///
    /// # Errors
    /// When it is refused: there is none to go on with.
    pub fn start(path: &Path, options: Options) -> Result<Self, BundleError> {
        // Before loading, so that a change meanwhile is seen next time.
        let seen = look(path, SystemTime::now()).ok();
        let bundle = Arc::new(load_with(path, &options)?);
        Ok(Self { path: path.to_owned(), options, bundle, seen })
    }

    /// The last good bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Looks whether anything has changed, and loads all of it again. The new bundle, if it is another one.
    ///
    /// # Errors
    /// When what is there now is refused. The old bundle stays. The error comes once for each state of what is
    /// on disk; more often only while the last change is less than two seconds old.
    pub fn poll(&mut self) -> Result<Option<Arc<Bundle>>, BundleError> {
        let seen = look(&self.path, SystemTime::now()).unwrap_or(Seen { stamp: [0; 32], settled: true });
        let same = self.seen.is_some_and(|before| before.stamp == seen.stamp);
        if same && self.seen.is_some_and(|before| before.settled) {
            return Ok(None);
        }
        self.seen = Some(seen);
        let bundle = load_with(&self.path, &self.options)?;
        if bundle.digest == self.bundle.digest && bundle.signed_by == self.bundle.signed_by {
            return Ok(None);
        }
        self.bundle = Arc::new(bundle);
        Ok(Some(Arc::clone(&self.bundle)))
    }
}

pub(super) fn look(path: &Path, now: SystemTime) -> Result<Seen, Fault> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut newest = Duration::ZERO;
    let mut lines = Vec::new();
    let mut note = |name: &[u8], stat: &Stat| {
        let changed = Duration::new(
            u64::try_from(stat.st_ctime).unwrap_or(0),
            u32::try_from(stat.st_ctime_nsec).unwrap_or(0).min(999_999_999),
        );
        newest = newest.max(changed);
        let numbers = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mode);
        lines.push((name.to_vec(), numbers, changed, (stat.st_mtime, stat.st_mtime_nsec)));
    };
    let stat = rustix::fs::stat(path).map_err(std::io::Error::from)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        let mut count = Files::default();
        folder::walk(path, Writers::Any, &mut |entry| {
            count.count()?;
            match entry {
                Entry::Folder(name, stat) | Entry::File(name, _, stat) => note(name.as_bytes(), stat),
            }
            Ok(())
        })?;
    } else {
        note(path.as_os_str().as_bytes(), &stat);
    }
    lines.sort();
    let stamp = Sha256::digest(format!("{lines:?}")).into();
    Ok(Seen { stamp, settled: newest + SETTLES < now })
}
