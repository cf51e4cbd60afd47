//! `PIDFile=` of a systemd unit, read from its files: the unit and its drop-ins, in the folders that systemd
//! searches (systemd.unit(5), "Unit File Load Path" and its tables).

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use crate::inspect::proc::{read_error::ReadError, root::RootFolder};

/// Maximum number of bytes of a file.
const FILE_MAX: u64 = 1 << 20;

/// Maximum number of drop-ins of a unit.
const DROP_INS_MAX: usize = 64;

/// Folders of the system manager; the first that has a file wins.
const FOLDERS: [&str; 11] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Returns the pidfile that a service unit names, in the root folder of its systemd; `None` when the unit has
/// no file there or names no pidfile.
///
/// # Errors
/// Fails if a file exists but cannot be read.
pub fn pidfile(root: &RootFolder, unit: &str) -> Result<Option<PathBuf>, ReadError> {
    let Some(name) = Name::of(unit) else { return Ok(None) };
    let mut value = None;
    let mut found = false;
    'unit: for candidate in name.files() {
        for folder in FOLDERS {
            if let Some(bytes) = read(root, &Path::new(folder).join(&candidate))? {
                value = setting(&bytes, value);
                found = true;
                break 'unit;
            }
        }
    }
    if !found {
        return Ok(None);
    }
    for path in drop_ins(root, &name)?.into_values() {
        if let Some(bytes) = read(root, &path)? {
            value = setting(&bytes, value);
        }
    }
    // A relative path is below /run (systemd.service(5)).
    Ok(value.and_then(|value| name.expand(&value)).map(|path| Path::new("/run").join(path)))
}

fn read(root: &RootFolder, path: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    match root.read(path, FILE_MAX) {
        Ok(content) => Ok(Some(content.bytes)),
        // A masked unit is a link to /dev/null.
        Err(ReadError::NotFound | ReadError::NotRegular) => Ok(None),
        Err(why) => Err(why),
    }
}

/// Returns the drop-ins by file name, in their order. Of two with one name, the one in the first folder
/// counts.
fn drop_ins(root: &RootFolder, name: &Name<'_>) -> Result<BTreeMap<Vec<u8>, PathBuf>, ReadError> {
    let mut found = BTreeMap::new();
    for unit in name.files().into_iter().chain(name.prefixes()) {
        for folder in FOLDERS {
            let folder = Path::new(folder).join(format!("{unit}.d"));
            let files = match root.names(&folder, DROP_INS_MAX) {
                Err(ReadError::NotFound) => continue,
                files => files?,
            };
            for file in files.into_iter().filter(|file| file.ends_with(b".conf")) {
                let path = folder.join(OsStr::from_bytes(&file));
                found.entry(file).or_insert(path);
                if found.len() > DROP_INS_MAX {
                    return Err(ReadError::TooMany);
                }
            }
        }
    }
    Ok(found)
}

/// The name of a service unit: `prefix@instance.service`.
struct Name<'a> {
    unit: &'a str,
    prefix: &'a str,
    instance: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn of(unit: &'a str) -> Option<Self> {
        let stem = unit.strip_suffix(".service").filter(|stem| !stem.is_empty() && !stem.contains('/'))?;
        let (prefix, instance) = match stem.split_once('@') {
            Some((prefix, instance)) => (prefix, Some(instance)),
            None => (stem, None),
        };
        Some(Self { unit, prefix, instance })
    }

    /// Returns the file names of the unit and of its template.
    fn files(&self) -> Vec<String> {
        let template = self.instance.map(|_| format!("{}@.service", self.prefix));
        [self.unit.to_owned()].into_iter().chain(template).collect()
    }

    /// Returns the prefixes: `a-b-c.service` also reads `a-b-.service.d`, `a-.service.d` and `service.d`.
    fn prefixes(&self) -> Vec<String> {
        let dashes =
            self.prefix.match_indices('-').map(|(at, _)| at).filter(|&at| at + 1 < self.prefix.len());
        let mut names: Vec<_> = dashes.map(|at| format!("{}-.service", &self.prefix[..at])).collect();
        names.reverse();
        names.push("service".to_owned());
        names
    }

    /// Expands specifiers (systemd.unit(5), "Specifiers"). Returns `None` for those that need more than the
    /// name.
    fn expand(&self, value: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = value.chars();
        while let Some(next) = rest.next() {
            if next != '%' {
                text.push(next);
                continue;
            }
            match rest.next()? {
                'i' => text.push_str(self.instance.unwrap_or_default()),
                'n' => text.push_str(self.unit),
                'N' => text.push_str(self.unit.strip_suffix(".service")?),
                'p' => text.push_str(self.prefix),
                't' => text.push_str("/run"),
                'S' => text.push_str("/var/lib"),
                '%' => text.push('%'),
                _ => return None,
            }
        }
        Some(text)
    }
}

/// Returns the last `PIDFile=` of the `[WatchedService]` section, or `before` without one. An empty value resets it.
#[must_use]
pub fn setting(bytes: &[u8], before: Option<String>) -> Option<String> {
    let mut value = before;
    let mut in_service = false;
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_service = line == "[WatchedService]";
        } else if in_service
            && let Some((name, path)) = line.split_once('=')
            && name.trim_end() == "PIDFile"
        {
            value = Some(path.trim().to_owned()).filter(|path| !path.is_empty());
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_in_its_section_counts() {
        let text = b"[Unit]\nPIDFile=/no\n[WatchedService]\n#PIDFile=/no\nPIDFile = /run/a.pid\nPIDFile=/run/b.pid\n[Install]\nPIDFile=/no\n";
        assert_eq!(setting(text, None).as_deref(), Some("/run/b.pid"));
        assert_eq!(setting(b"[WatchedService]\nPIDFile=\n", Some("/run/a.pid".into())), None);
        assert_eq!(
            setting(b"[WatchedService]\nType=simple\n", Some("/run/a.pid".into())).as_deref(),
            Some("/run/a.pid")
        );
    }

    #[test]
    fn names_give_templates_prefixes_and_specifiers() {
        let name = Name::of("my-app@blue.service").unwrap();
        assert_eq!(name.files(), ["my-app@blue.service", "my-app@.service"]);
        assert_eq!(name.prefixes(), ["my-.service", "service"]);
        assert_eq!(name.expand("%t/%p/%i.pid").as_deref(), Some("/run/my-app/blue.pid"));
        assert_eq!(name.expand("/home/%u/x.pid"), None);
        assert!(Name::of("a.scope").is_none());
        assert!(Name::of(".service").is_none());
        assert!(Name::of("../x.service").is_none());
    }
}
