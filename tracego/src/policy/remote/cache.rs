//! The last good bundle of each URL on disk, for a start without the server.
//!
//! A file has one line of JSON and the archive behind it, and is replaced as a whole. Its archive is verified again when
//! it is read; the line is believed, because only the owner of the folder can write it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracego_model::clock::Time;

use super::{acceptance::BundleFloor, server::ARCHIVE_MAX};
use crate::cli::BundleUrl;

/// Maximum length of the line in bytes.
const LINE_MAX: usize = 8 << 10;
/// Mode bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// The folder of the files.
#[derive(Clone, Debug)]
pub(crate) struct BundleCache(PathBuf);

/// A bundle as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeptBundle {
    /// ETag that the server gave it.
    pub(crate) etag: Option<String>,
    /// The least that the next bundle must be.
    pub(crate) floor: BundleFloor,
    /// Time since which it is in force.
    pub(crate) since: Time,
    /// Archive.
    pub(crate) archive: Vec<u8>,
}

/// The line in front of the archive.
#[derive(Deserialize, Serialize)]
struct CacheLine {
    url: String,
    etag: Option<String>,
    serial: Option<u64>,
    digest: String,
    since: i64,
}

impl BundleCache {
    /// Opens the folder; makes it if it is missing.
    ///
    /// # Errors
    /// Fails if it cannot be made.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self(folder.to_owned()))
    }

    fn path(&self, url: &BundleUrl) -> PathBuf {
        let digest = Sha256::digest(url.uri().to_string());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.0.join(name + ".bundle")
    }

    /// Reads the bundle of a URL. Returns `None` if none is kept.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is damaged, or could be changed by others.
    pub(crate) fn read(&self, url: &BundleUrl) -> Result<Option<KeptBundle>, String> {
        let path = self.path(url);
        let failed = |why: String| format!("{}: {why}", path.display());
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let about = file.metadata().map_err(|error| failed(error.to_string()))?;
        if !about.is_file() {
            return Err(failed("is no file; remove it".to_owned()));
        }
        if ![0, geteuid().as_raw()].contains(&about.uid()) || about.mode() & OTHERS_WRITE != 0 {
            return Err(failed(format!(
                "user {} or others (mode {:04o}) can write it; remove it",
                about.uid(),
                about.mode() & 0o7777
            )));
        }
        let mut bytes = Vec::new();
        let most = (LINE_MAX + ARCHIVE_MAX) as u64;
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        parse(&bytes, &url.uri().to_string()).map(Some).map_err(|why| failed(why.to_owned()))
    }

    /// Keeps the bundle of a URL. A crash leaves the old file or the new one.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(crate) fn write(&self, url: &BundleUrl, kept: &KeptBundle) -> io::Result<()> {
        let path = self.path(url);
        let new = path.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&encode(kept, &url.uri().to_string())?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.0)?.sync_all()
    }
}

fn encode(kept: &KeptBundle, url: &str) -> io::Result<Vec<u8>> {
    let line = CacheLine {
        url: url.to_owned(),
        etag: kept.etag.clone(),
        serial: kept.floor.serial,
        digest: kept.floor.digest.clone(),
        since: kept.since.0,
    };
    let mut bytes = serde_json::to_vec(&line)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&kept.archive);
    Ok(bytes)
}

/// Parses a file.
fn parse(bytes: &[u8], url: &str) -> Result<KeptBundle, &'static str> {
    const DAMAGED: &str = "is damaged; remove it";
    if bytes.len() > LINE_MAX + ARCHIVE_MAX {
        return Err("is too large; remove it");
    }
    let end = bytes.iter().take(LINE_MAX).position(|&byte| byte == b'\n').ok_or(DAMAGED)?;
    let (line, archive) = bytes.split_at(end);
    let line: CacheLine = serde_json::from_slice(line).map_err(|_| DAMAGED)?;
    if line.url != url {
        return Err("is of another URL; remove it");
    }
    Ok(KeptBundle {
        etag: line.etag,
        floor: BundleFloor { serial: line.serial, digest: line.digest },
        since: Time(line.since),
        archive: archive.get(1..).unwrap_or_default().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    fn kept(archive: &[u8]) -> KeptBundle {
        KeptBundle {
            etag: Some("\"7\"".into()),
            floor: BundleFloor { serial: Some(7), digest: "sha256:00".into() },
            since: Time(5),
            archive: archive.to_vec(),
        }
    }

    #[test]
    fn a_bundle_is_read_as_it_was_kept_and_only_if_nobody_else_can_write_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BundleCache::open(&folder.path().join("a/b")).unwrap();
        let url = BundleUrl::parse("https://h/ci.tar.gz").unwrap();
        assert_eq!(cache.read(&url), Ok(None));
        for archive in [b"one\ntwo".as_slice(), b""] {
            cache.write(&url, &kept(archive)).unwrap();
            assert_eq!(cache.read(&url), Ok(Some(kept(archive))));
        }
        assert_eq!(cache.read(&BundleUrl::parse("https://h/cd.tar.gz").unwrap()), Ok(None));
        let path = cache.path(&url);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(cache.read(&url).unwrap_err().contains("mode 0620"));
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(cache.read(&url).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_bundle_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _parsed = parse(&bytes, "u");
        }

        #[test]
        fn a_file_that_was_cut_is_never_another_line(cut in 0_usize..120) {
            let whole = encode(&kept(b""), "u").unwrap();
            let cut = cut.min(whole.len());
            let parsed = parse(&whole[..cut], "u");
            prop_assert!(parsed.is_err() || cut == whole.len());
        }
    }
}
