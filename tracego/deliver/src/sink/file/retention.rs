//! Removal of old rotated files, and compression of the others.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use super::{
    FileShared, compression,
    output_file::sync_folder,
    rotated_name::{self, RotatedKind, RotationStamp},
    settings::{Compress, FileSettings},
};

/// The files of one rotation, usually one. The original is beside its compressed form if a crash came between
/// making the one and removing the other.
#[derive(Debug, Default)]
struct RotatedFiles {
    plain: Option<PathBuf>,
    packed: Vec<PathBuf>,
}

/// Removes and compresses rotated files as the settings ask for.
///
/// The work runs beside the writing, in one place at a time. The lock on the current file keeps other
/// processes from doing the same.
///
/// # Errors
/// Fails with the first error. Later removals are tried all the same; compression stops at the first error.
pub(super) fn tidy(settings: &FileSettings, shared: &FileShared) -> io::Result<()> {
    let path = &settings.path;
    let mut trouble = None;
    let mut all: BTreeMap<RotationStamp, RotatedFiles> = BTreeMap::new();
    for (stamp, kind, path) in rotated_name::list(path)? {
        match kind {
            RotatedKind::Plain => all.entry(stamp).or_default().plain = Some(path),
            RotatedKind::Packed => all.entry(stamp).or_default().packed.push(path),
            // Only tracego makes these files, so a crash left this one; its original is still there.
            RotatedKind::Unfinished => keep_first(&mut trouble, fs::remove_file(path)),
        }
    }
    // Removing comes first: it makes room, and removed files need no compression.
    keep_first(&mut trouble, remove(settings, &mut all, shared));
    if settings.compress != Compress::None {
        for original in all.into_values().filter_map(|rotated| rotated.plain) {
            let done = compression::replace(&original, settings.compress, &shared.stop);
            shared.counts.compressed.fetch_add(u64::from(done.is_ok()), Ordering::Relaxed);
            let failed = done.is_err();
            keep_first(&mut trouble, done);
            if failed {
                break;
            }
        }
    }
    trouble.map_or(Ok(()), Err)
}

fn keep_first(trouble: &mut Option<io::Error>, done: io::Result<()>) {
    if let Err(error) = done {
        trouble.get_or_insert(error);
    }
}

/// Removes files that are too many or too old.
fn remove(
    settings: &FileSettings,
    all: &mut BTreeMap<RotationStamp, RotatedFiles>,
    shared: &FileShared,
) -> io::Result<()> {
    let most = settings.keep.map_or(usize::MAX, |keep| keep.try_into().unwrap_or(usize::MAX));
    let surplus = all.len().saturating_sub(most);
    let mut gone = Vec::new();
    for (n, (&stamp, rotated)) in all.iter().enumerate() {
        let why = if n < surplus {
            "keep"
        } else if settings.keep_age.is_some_and(|most| rotated.age(stamp) > most.0) {
            "keep-age"
        } else {
            continue;
        };
        gone.push((stamp, why));
    }
    let mut trouble = None;
    for (stamp, why) in &gone {
        let rotated = all.remove(stamp).unwrap_or_default();
        for path in rotated.plain.iter().chain(&rotated.packed) {
            keep_first(&mut trouble, remove_one(path, why, shared));
        }
    }
    if !gone.is_empty() {
        keep_first(&mut trouble, sync_folder(&settings.path));
    }
    trouble.map_or(Ok(()), Err)
}

fn remove_one(path: &Path, why: &str, shared: &FileShared) -> io::Result<()> {
    let bytes = fs::symlink_metadata(path)?.len();
    fs::remove_file(path)?;
    shared.counts.removed.fetch_add(1, Ordering::Relaxed);
    shared.counts.removed_bytes.fetch_add(bytes, Ordering::Relaxed);
    tracing::info!(path = %path.display(), bytes, why, "a rotated file is removed");
    Ok(())
}

impl RotatedFiles {
    /// Returns the time since the file was last written, which was its last record; if that is unknown, since
    /// its rotation.
    fn age(&self, stamp: RotationStamp) -> Duration {
        let path = self.plain.as_ref().or(self.packed.first());
        let written = path.and_then(|path| fs::symlink_metadata(path).ok()?.modified().ok());
        let written = written.or(stamp.moment().map(SystemTime::from));
        written.and_then(|at| at.elapsed().ok()).unwrap_or_default()
    }
}
