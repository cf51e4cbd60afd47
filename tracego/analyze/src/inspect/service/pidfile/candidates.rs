//! Files that may be a service's pidfile: named by the configuration, named by the systemd unit, or held open
//! or locked by the service.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use tracego_model::input::facts::PidfileSource;

use crate::inspect::{
    proc::{
        descriptors::{FilePurpose, OpenFile},
        read_error::ReadError,
        root::RootFolder,
    },
    service::watched::WatchedService,
};

/// Maximum number of candidate files per service.
pub(in crate::inspect::service) const CANDIDATES_MAX: usize = 32;

/// Maximum number of names in a folder that a pattern is matched against.
const NAMES_MAX: usize = 4096;

/// A file that may be the pidfile of a service.
#[derive(Clone, Debug)]
pub(in crate::inspect::service) struct PidfileCandidate {
    pub(in crate::inspect::service) path: PathBuf,
    pub(in crate::inspect::service) source: PidfileSource,
    /// Whether the file counts only if it names the service: it was found by a pattern or because it is open.
    pub(in crate::inspect::service) only_if_named: bool,
    /// The pattern that matched the file.
    pub(in crate::inspect::service) pattern: Option<String>,
}

impl PidfileCandidate {
    fn new(path: PathBuf, source: PidfileSource) -> Self {
        Self { path, source, only_if_named: false, pattern: None }
    }
}

/// Expands a configured pidfile path: `{name}` is the file name of the executable, `{unit}` the unit without
/// its suffix; `*` and `?` match characters of the last component. Returns the matching files, and for a
/// pattern one candidate for the pattern itself.
///
/// # Errors
/// Fails if the folder of a pattern cannot be read.
pub(in crate::inspect::service) fn configured(
    root: &RootFolder,
    service: &WatchedService,
    pattern: &str,
) -> Result<Vec<PidfileCandidate>, ReadError> {
    let name = service.executable.rsplit('/').next().unwrap_or_default();
    let unit = service.unit.as_deref().unwrap_or_default();
    let unit = unit.rsplit_once('.').map_or(unit, |(unit, _)| unit);
    if (pattern.contains("{name}") && name.is_empty()) || (pattern.contains("{unit}") && unit.is_empty()) {
        return Ok(Vec::new());
    }
    let path = pattern.replace("{name}", name).replace("{unit}", unit);
    let Some((folder, last)) = path.rsplit_once('/').filter(|(_, last)| last.contains(['*', '?'])) else {
        return Ok(vec![PidfileCandidate::new(path.into(), PidfileSource::Configuration)]);
    };
    let folder = Path::new(if folder.is_empty() { "/" } else { folder });
    let names = match root.names(folder, NAMES_MAX) {
        Err(ReadError::NotFound) => Vec::new(),
        names => names?,
    };
    let matching = names.into_iter().filter(|name| matches(last.as_bytes(), name)).take(CANDIDATES_MAX);
    let found = matching.map(|name| PidfileCandidate {
        only_if_named: true,
        pattern: Some(path.clone()),
        ..PidfileCandidate::new(folder.join(OsStr::from_bytes(&name)), PidfileSource::Configuration)
    });
    let mut found: Vec<_> = found.collect();
    // Stands for the whole pattern if none of the files names the service.
    found.push(PidfileCandidate::new(path.into(), PidfileSource::Configuration));
    Ok(found)
}

/// Returns whether a name matches a pattern of `*` (any characters) and `?` (one byte).
#[must_use]
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to resume after a mismatch: behind the last star, one byte further in the name.
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => (p, n) = (p + 1, n + 1),
            _ => match back {
                Some((star, from)) => {
                    (p, n) = (star, from + 1);
                    back = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Finds candidates among the open files of a service: pidfiles that are locked or open for writing, and
/// locked lock files, into which some programs write their process id.
pub(in crate::inspect::service) fn held(files: &[OpenFile]) -> impl Iterator<Item = PidfileCandidate> {
    let ours = files.iter().filter(|file| match file.purpose {
        FilePurpose::Pidfile => file.locked || file.writable,
        FilePurpose::Lock => file.locked,
        FilePurpose::Data => false,
    });
    ours.map(|file| {
        let source = if file.locked { PidfileSource::Lock } else { PidfileSource::Descriptor };
        PidfileCandidate {
            only_if_named: file.purpose == FilePurpose::Lock,
            ..PidfileCandidate::new(PathBuf::from(&file.path), source)
        }
    })
}

/// Makes a candidate of the path that the systemd unit names.
pub(in crate::inspect::service) fn of_unit(path: PathBuf) -> PidfileCandidate {
    PidfileCandidate::new(path, PidfileSource::Unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("*.pid", "a.pid", true),
            ("*.pid", ".pid", true),
            ("*.pid", "a.pid.old", false),
            ("a?b*c*", "axbyyc", true),
            ("a?b*c*", "abyyc", false),
            ("**a", "bba", true),
            ("", "", true),
            ("?", "", false),
            ("*", "", true),
            ("a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, name, fits) in cases {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }
}
