//! Checks of what the keys of a file sink name on this machine. Nothing is opened for writing, made or locked.

use std::{
    fs, io,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use super::{FileError, settings::FileSettings};
use crate::seal::key::Key;

/// Checks the group, the key of the seals, and the file or its folder.
///
/// # Errors
/// Fails as a start would; the text names the key or the path.
pub(crate) fn check(settings: &FileSettings) -> Result<(), String> {
    let path = &settings.path;
    if let Some(group) = &settings.group {
        group.id(Path::new("/etc/group"))?;
    }
    if let Some(key) = &settings.seal_key {
        Key::check(key).map_err(|error| format!("seal-key: {}: {error:#}", key.display()))?;
    }
    let failed = |error: &io::Error| format!("{}: {error}", path.display());
    let kind = match fs::symlink_metadata(path) {
        Ok(about) => about.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return has_folder(path).map_err(|error| failed(&error));
        }
        Err(error) => return Err(failed(&error)),
    };
    let found = fs::metadata(path).map_err(|error| failed(&error))?.file_type();
    let is_special = found.is_fifo() || found.is_char_device();
    match settings.rotation_key().or(settings.seal.then_some("seal")) {
        _ if found.is_file() && kind.is_symlink() => Err(FileError::Link(path.clone()).to_string()),
        _ if !found.is_file() && !is_special => Err(FileError::Kind(path.clone()).to_string()),
        Some(key) if is_special => {
            Err(format!("{key}: {} is not a regular file, which this key needs", path.display()))
        }
        _ => Ok(()),
    }
}

/// Checks that the folder of a file that is not there yet exists.
///
/// # Errors
/// Fails if it does not, or is no folder.
pub fn has_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    if folder.metadata()?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::{super::settings::FileGroup, *};

    #[test]
    fn what_a_start_refuses_is_refused_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("key"), "no key").unwrap();
        fs::set_permissions(at("key"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(at("loose"), "no key").unwrap();
        fs::set_permissions(at("loose"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(at("other"), "").unwrap();
        symlink(at("other"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        let plain = |name: &str| FileSettings::new(at(name));
        let sealed =
            |key: &str| FileSettings { seal: true, seal_key: Some(at(key)), ..FileSettings::new(at("log")) };
        let group = FileSettings { group: Some(FileGroup::Name("no-such-group".into())), ..plain("log") };
        let device = FileSettings { seal: true, ..FileSettings::new("/dev/null") };
        for (settings, wanted) in [
            (group, "group: no group 'no-such-group'"),
            (sealed("absent"), "seal-key: "),
            (sealed("key"), "others may read or change it (mode 644)"),
            (sealed("loose"), "not an Ed25519 private key"),
            (plain("no/log"), "No such file or directory"),
            (plain("other/log"), "Not a directory"),
            (plain("link"), "is a symbolic link to a file"),
            (plain("dangling"), "No such file or directory"),
            (FileSettings::new(dir.path()), "is not a file, FIFO"),
            (device, "seal: /dev/null is not a regular file"),
        ] {
            let error = check(&settings).expect_err(wanted);
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
        assert_eq!(check(&plain("log")), Ok(()));
        assert_eq!(check(&plain("other")), Ok(()));
        assert_eq!(check(&FileSettings::new("/dev/null")), Ok(()));
        assert!(!at("log").exists());
    }
}
