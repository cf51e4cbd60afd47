//! Marker files, which let the next tracego report that an enforcing one was killed and nothing was stopped
//! since.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tracego_model::enforcement::Mode;

/// Directory of the markers.
const FOLDER: &str = "/run/tracego";
/// Prefix of a marker's name; the pid follows.
const NAME: &str = "enforcing-";

/// A file that exists while programs are stopped.
#[derive(Debug)]
pub struct Marker(PathBuf);

impl Marker {
    /// Creates the marker. If that fails, the next tracego does not know of this one.
    #[must_use]
    pub fn set(mode: Mode) -> Option<Self> {
        Self::set_in(Path::new(FOLDER), mode, std::process::id())
    }

    fn set_in(folder: &Path, mode: Mode, pid: u32) -> Option<Self> {
        let path = folder.join(format!("{NAME}{pid}"));
        let made = fs::create_dir_all(folder).and_then(|()| fs::write(&path, mode.name()));
        if let Err(error) = made {
            tracing::debug!(path = %path.display(), %error, "cannot write the marker: the next tracego will not report it if this one is killed");
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

/// Logs once each tracego that ended without removing its marker.
pub fn tell() {
    for (pid, mode) in left(Path::new(FOLDER)) {
        tracing::warn!(
            "a tracego with --enforce {mode} (pid {pid}) was killed: no programs were stopped since then"
        );
    }
}

/// Removes markers whose process is gone. Returns their pids and modes.
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
        // A pid above the maximum (PID_MAX_LIMIT).
        let killed = Marker::set_in(folder.path(), Mode::Kill, 5_000_000).expect("a marker");
        std::mem::forget(killed);
        let alive = Marker::set_in(folder.path(), Mode::Deny, std::process::id()).expect("a marker");
        assert_eq!(left(folder.path()), [(5_000_000, "kill".to_owned())]);
        assert_eq!(left(folder.path()), []);
        drop(alive);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
