//! The keys of a file sink.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};
use tracego_model::units::{Bytes, Span};

/// The settings of a file that records are appended to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileSettings {
    /// Path of the file. A FIFO or a character device is written to as it is, without rotation.
    pub path: PathBuf,
    /// Permissions in octal digits. By default "0600" for a new file; an existing file keeps its own.
    pub mode: Option<FileMode>,
    /// Group that owns the file, by name or number; by default that of the process that makes it.
    pub group: Option<FileGroup>,
    /// Largest size of a file; a record that would exceed it begins a new file.
    pub rotate_bytes: Option<Bytes>,
    /// Largest age of a file; the first record after that begins a new file. The age of a file is that of its
    /// inode (statx(2), stx_btime), so that it survives a restart. On file systems without that time, the age
    /// of a file found at start counts from its last write.
    pub rotate_age: Option<Span>,
    /// Number of rotated files that are kept. Older ones are removed; without this key none is.
    pub keep: Option<u32>,
    /// Age of the last record above which a rotated file is removed.
    pub keep_age: Option<Span>,
    /// Compression of rotated files.
    #[serde(default)]
    pub compress: Compress,
    /// Moment at which a record counts as written.
    #[serde(default)]
    pub sync: SyncMode,
    /// Whether lines are linked, with seals that show what has to be there: see [`crate::seal`]. Only for
    /// JSON.
    #[serde(default)]
    pub seal: bool,
    /// File with the Ed25519 key that signs the seals: PKCS#8 in PEM.
    pub seal_key: Option<PathBuf>,
    /// Time between two seals; a seal is written with the first record after that.
    pub seal_interval: Option<Span>,
}

/// The compression of rotated files.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Compress {
    /// No compression.
    #[default]
    None,
    /// Gzip (RFC 1952), `.gz`.
    Gzip,
    /// Zstandard (RFC 8878), `.zst`, with a checksum.
    Zstd,
}

impl Compress {
    /// Suffixes in the names of compressed files.
    pub(super) const SUFFIXES: [&str; 2] = [".gz", ".zst"];

    pub(super) fn suffix(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some(Self::SUFFIXES[0]),
            Self::Zstd => Some(Self::SUFFIXES[1]),
        }
    }
}

/// The moment at which a record counts as written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// Written when the operating system has the record, which survives a crash of tracego but not a loss of
    /// power.
    Never,
    /// Written when the disk has the record: fdatasync(2) after each batch, which costs a disk's latency for
    /// each: 4 ms (median of 200 batches of 384 KB) where it was measured, a virtual disk.
    #[default]
    Batch,
}

/// Permissions of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileMode(pub u32);

impl FromStr for FileMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777);
        match mode {
            None => Err(format!("'{text}' is not a mode; write octal digits, as \"0640\"")),
            Some(mode) if mode & 0o600 != 0o600 => Err(format!("'{text}' denies the owner access; add 0600")),
            Some(mode) => Ok(Self(mode)),
        }
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A number would be decimal, which no user means: only a string is accepted.
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A group that owns a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(untagged, expecting = "a name or a number")]
pub enum FileGroup {
    /// Number of the group.
    Id(u32),
    /// Name of the group, or its number as text.
    Name(String),
}

impl FileGroup {
    /// Returns the number of the group. Names are looked up in the file `groups`, see group(5); groups that
    /// only a directory service knows have to be given as numbers.
    ///
    /// # Errors
    /// Fails if there is no group of this name.
    pub fn id(&self, groups: &Path) -> Result<u32, String> {
        let name = match self {
            Self::Id(id) => return Ok(*id),
            Self::Name(name) => name,
        };
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let text = fs::read(groups).map_err(|error| format!("group: {}: {error}", groups.display()))?;
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().map(|line| line.split(':'));
        let found = lines.find_map(|mut fields| fields.next().filter(|n| n == name).and(fields.nth(1)));
        let id = found.and_then(|id| id.parse().ok());
        id.ok_or_else(|| format!("group: no group '{name}' in {}; give its number", groups.display()))
    }
}

impl FileSettings {
    /// Returns settings with this path and defaults.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mode: None,
            group: None,
            rotate_bytes: None,
            rotate_age: None,
            keep: None,
            keep_age: None,
            compress: Compress::None,
            sync: SyncMode::Batch,
            seal: false,
            seal_key: None,
            seal_interval: None,
        }
    }

    /// Returns the first key that asks for rotation.
    pub(super) fn rotation_key(&self) -> Option<&'static str> {
        self.rotate_bytes.map(|_| "rotate-bytes").or(self.rotate_age.map(|_| "rotate-age"))
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Fails if a value is invalid, or a key lacks another key that it needs; the text is for people and
    /// names the key.
    pub fn check(&self) -> Result<(), String> {
        if self.path.file_name().is_none() {
            return Err(format!("path: '{}' names no file", self.path.display()));
        }
        let zero = |span: Option<Span>| span.is_some_and(|span| span.0.is_zero());
        if self.rotate_bytes == Some(Bytes(0)) {
            return Err("rotate-bytes: 0 would begin a file with each record; leave it out".into());
        }
        if zero(self.rotate_age) {
            return Err("rotate-age: 0 would begin a file with each record; leave it out".into());
        }
        if self.keep == Some(0) {
            return Err("keep: 0 would remove each file as it is rotated; write 1 or more".into());
        }
        if zero(self.keep_age) {
            return Err("keep-age: 0 would remove each file as it is rotated; leave it out".into());
        }
        if zero(self.seal_interval) {
            return Err("seal-interval: 0 would write a seal behind each record; write 60s".into());
        }
        let seals = [("seal-key", self.seal_key.is_some()), ("seal-interval", self.seal_interval.is_some())];
        if let Some((key, _)) = seals.iter().find(|(_, set)| *set && !self.seal) {
            return Err(format!("{key}: only with seal = true"));
        }
        let needs = [
            ("keep", self.keep.is_some()),
            ("keep-age", self.keep_age.is_some()),
            ("compress", self.compress != Compress::None),
        ];
        match needs.iter().find(|(_, set)| *set && self.rotation_key().is_none()) {
            Some((key, _)) => Err(format!("{key}: nothing is rotated without rotate-bytes or rotate-age")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<FileSettings, String> {
        let settings: FileSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn all_keys_are_read() {
        let text = r#"
            path = "/var/log/tracego/log.ndjson"
            mode = "0640"
            group = "adm"
            rotate-bytes = "64M"
            rotate-age = "1d"
            keep = 14
            keep-age = "30d"
            compress = "zstd"
            sync = "never"
        "#;
        let settings = read(text).unwrap();
        assert_eq!(settings.mode, Some(FileMode(0o640)));
        assert_eq!(settings.group, Some(FileGroup::Name("adm".into())));
        assert_eq!((settings.rotate_bytes, settings.keep), (Some(Bytes(64 << 20)), Some(14)));
        assert_eq!((settings.compress, settings.sync), (Compress::Zstd, SyncMode::Never));
        let settings = read("path = \"log\"\ngroup = 4").unwrap();
        assert_eq!((settings.group, settings.sync), (Some(FileGroup::Id(4)), SyncMode::Batch));
    }

    #[test]
    fn mistakes_name_the_key_and_what_to_write() {
        for (text, wanted) in [
            ("path = \"/\"", "names no file"),
            ("path = \"log\"\nmode = \"640 \"", "write octal digits"),
            ("path = \"log\"\nmode = \"1777\"", "write octal digits"),
            ("path = \"log\"\nmode = \"0440\"", "add 0600"),
            ("path = \"log\"\nmode = 640", "expected a string"),
            ("path = \"log\"\nrotate-bytes = 0", "rotate-bytes: 0"),
            ("path = \"log\"\nrotate-age = \"0s\"", "rotate-age: 0"),
            ("path = \"log\"\nrotate-age = 60\nkeep = 0", "keep: 0"),
            ("path = \"log\"\nrotate-age = 60\nkeep-age = 0", "keep-age: 0"),
            ("path = \"log\"\nkeep = 3", "keep: nothing is rotated"),
            ("path = \"log\"\nkeep-age = 3", "keep-age: nothing is rotated"),
            ("path = \"log\"\ncompress = \"gzip\"", "compress: nothing is rotated"),
            ("path = \"log\"\ncompress = \"xz\"", "expected one of `none`, `gzip`, `zstd`"),
            ("path = \"log\"\nseal-key = \"k\"", "seal-key: only with seal = true"),
            ("path = \"log\"\nseal = true\nseal-interval = 0", "seal-interval: 0"),
            ("path = \"log\"\nrotate = 3", "unknown field `rotate`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn groups_are_found_by_name_and_by_number() {
        let dir = tempfile::tempdir().unwrap();
        let groups = dir.path().join("group");
        fs::write(&groups, "root:x:0:\n# adm:x:1:\nadm:x:4:syslog,me\nbroken\nadm2:x:no:\n").unwrap();
        assert_eq!(FileGroup::Name("adm".into()).id(&groups), Ok(4));
        assert_eq!(FileGroup::Name("12".into()).id(Path::new("/no/such")), Ok(12));
        assert_eq!(FileGroup::Id(7).id(Path::new("/no/such")), Ok(7));
        for name in ["ad", "x", "broken", "adm2", ""] {
            let error = FileGroup::Name(name.into()).id(&groups).unwrap_err();
            assert!(error.contains("give its number"), "{name}: {error}");
        }
    }
}
