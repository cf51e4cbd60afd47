//! What the next tracego learns of one that stopped programs and was killed: until now nothing was stopped.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tracego_model::enforcement::Mode;

/// Where markers are.
const FOLDER: &str = "/run/tracego";
/// What each is called, before the number of its process.
const NAME: &str = "enforcing-";

/// A file that is there while programs are stopped.
#[derive(Debug)]
pub struct Marker(PathBuf);

impl Marker {
    /// Makes it. Without one the next tracego does not know.
    #[must_use]
    pub fn set(mode: Mode) -> Option<Self> {
        Self::set_in(Path::new(FOLDER), mode, std::process::id())
    }

    fn set_in(folder: &Path, mode: Mode, pid: u32) -> Option<Self> {
        let path = folder.join(format!("{NAME}{pid}"));
        let made = fs::create_dir_all(folder).and_then(|()| fs::write(&path, mode.name()));
        if let Err(error) = made {
            tracing::debug!(path = %path.display(), %error, "the next tracego will not know of this one");
            return None;
        }
        Some(Self(path))
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.0);
    }
}

/// Tells of those that ended without an order, once.
pub fn tell() {
    for (pid, mode) in left(Path::new(FOLDER)) {
        tracing::warn!(
            "a tracego with --enforce {mode} (pid {pid}) was killed: since then nothing was stopped"
        );
    }
}

/// Markers whose process is gone; removes them.
fn left(folder: &Path) -> Vec<(u32, String)> {
    let mut left = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse().ok());
        let Some(pid) = pid.filter(|pid| !Path::new(&format!("/proc/{pid}")).exists()) else { continue };
        let mode = fs::read_to_string(entry.path()).unwrap_or_default();
        if fs::remove_file(entry.path()).is_ok() {
            left.push((pid, mode.chars().filter(char::is_ascii_lowercase).take(8).collect()));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_killed_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        // Above every pid (PID_MAX_LIMIT).
        let killed = Marker::set_in(folder.path(), Mode::Kill, 5_000_000).expect("a marker");
        std::mem::forget(killed);
        let alive = Marker::set_in(folder.path(), Mode::Deny, std::process::id()).expect("a marker");
        assert_eq!(left(folder.path()), [(5_000_000, "kill".to_owned())]);
        assert_eq!(left(folder.path()), []);
        drop(alive);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
