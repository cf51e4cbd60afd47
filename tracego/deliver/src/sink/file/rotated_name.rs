//! Names of rotated files: `log.ndjson.20261125T042048.123Z`, with the time of rotation in UTC, so that the
//! names sort by time. A compressed file also has `.gz` or `.zst` at the end, and `.tmp` behind that while it
//! is incomplete.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use time::{Date, Month, OffsetDateTime};
use tracego_model::clock::Time;

use super::settings::Compress;

/// The time in a name, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct RotationStamp(pub(super) i64);

/// Length of the stamp in a name, in bytes.
const LEN: usize = 20;

impl RotationStamp {
    /// Returns the stamp of the current time, always later than the last one, so that names stay in order
    /// across clock steps.
    pub(super) fn after(last: Option<Self>, unix_ns: i64) -> Self {
        let now = Self(unix_ns.div_euclid(1_000_000));
        last.map_or(now, |last| now.max(Self(last.0.saturating_add(1))))
    }

    fn text(self) -> String {
        let mut text = Time(self.0.saturating_mul(1_000_000)).text();
        text.truncate("0000-00-00T00:00:00.000".len());
        text.retain(|c| c != '-' && c != ':');
        text.push('Z');
        text
    }

    fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() == LEN)?;
        let number = |from: usize, to: usize| -> Option<u16> {
            text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
        };
        let small = |from, to| number(from, to).and_then(|number| u8::try_from(number).ok());
        let month = Month::try_from(small(4, 6)?).ok()?;
        let date = Date::from_calendar_date(number(0, 4)?.into(), month, small(6, 8)?).ok()?;
        let time =
            date.with_hms_milli(small(9, 11)?, small(11, 13)?, small(13, 15)?, number(16, 19)?).ok()?;
        let stamp = Self(i64::try_from(time.assume_utc().unix_timestamp_nanos() / 1_000_000).ok()?);
        (stamp.text() == text).then_some(stamp)
    }

    /// Returns the time, for people and for comparison with a file's time.
    pub(super) fn moment(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok()
    }
}

/// The kind of a rotated file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RotatedKind {
    /// The file as it was written.
    Plain,
    /// A complete compressed file.
    Packed,
    /// An incomplete compressed file.
    Unfinished,
}

/// Returns the path of a rotated file with this stamp.
pub(super) fn rotated(path: &Path, stamp: RotationStamp) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(stamp.text());
    name.into()
}

/// Returns the path with a suffix added.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Parses the name of a rotated file of `file_name`; returns `None` for other names.
fn parse(file_name: &OsStr, name: &OsStr) -> Option<(RotationStamp, RotatedKind)> {
    let rest = name.as_bytes().strip_prefix(file_name.as_bytes())?.strip_prefix(b".")?;
    let (stamp, rest) = rest.split_at_checked(LEN)?;
    let packed = |rest: &[u8]| Compress::SUFFIXES.iter().any(|suffix| suffix.as_bytes() == rest);
    let kind = match rest.strip_suffix(b".tmp") {
        Some(rest) if packed(rest) => RotatedKind::Unfinished,
        None if rest.is_empty() => RotatedKind::Plain,
        None if packed(rest) => RotatedKind::Packed,
        _ => return None,
    };
    Some((RotationStamp::read(stamp)?, kind))
}

/// Parses the name of any rotated file: returns the name before rotation, the time of rotation, and the kind.
fn parse_any(name: &OsStr) -> Option<(&OsStr, RotationStamp, RotatedKind)> {
    let bytes = name.as_bytes();
    let mut dots = memchr::memrchr_iter(b'.', bytes);
    // The stamp, which has a dot itself, and at most two suffixes follow the dot that is looked for.
    dots.by_ref().take(5).find_map(|dot| {
        let base = OsStr::from_bytes(&bytes[..dot]);
        parse(base, name).map(|(stamp, kind)| (base, stamp, kind))
    })
}

/// Sorts rotated files and the current one into the order in which they were written, by their names.
/// Incomplete files are left out; of a file that is there compressed and not, one is kept. Returns `None` if
/// no name is that of a rotated file.
#[must_use]
pub fn ordered(paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let mut found: BTreeMap<(PathBuf, Option<RotationStamp>), (bool, &PathBuf)> = BTreeMap::new();
    let mut others = 0;
    for path in paths {
        let (key, packed) = match path.file_name().and_then(parse_any) {
            Some((.., RotatedKind::Unfinished)) => continue,
            Some((base, stamp, kind)) => {
                ((path.with_file_name(base), Some(stamp)), kind == RotatedKind::Packed)
            }
            None => {
                others += 1;
                ((path.clone(), None), false)
            }
        };
        // The original is preferred, since it is the file that was written.
        found.entry(key).and_modify(|known| *known = (*known).min((packed, path))).or_insert((packed, path));
    }
    if others == paths.len() {
        return None;
    }
    let mut all: Vec<_> = found.into_iter().collect();
    // The file without a stamp is the current one, the last.
    all.sort_by(|((one, a), _), ((other, b), _)| {
        one.cmp(other).then(a.is_none().cmp(&b.is_none())).then(a.cmp(b))
    });
    Some(all.into_iter().map(|(_, (_, path))| path.clone()).collect())
}

/// Returns the folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns all regular files that are rotated ones of this path, sorted by stamp.
pub(super) fn list(path: &Path) -> io::Result<Vec<(RotationStamp, RotatedKind, PathBuf)>> {
    let file_name: OsString = path.file_name().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        let entry = entry?;
        // A file that was just removed is left out.
        let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let Some((stamp, kind)) = parse(&file_name, &entry.file_name()).filter(|_| regular) {
            found.push((stamp, kind, entry.path()));
        }
    }
    found.sort_unstable_by_key(|&(stamp, ..)| stamp);
    Ok(found)
}

/// Returns whether a name, or the name of its compressed form, is taken.
pub(super) fn is_taken(rotated: &Path) -> bool {
    let there = |path: &Path| fs::symlink_metadata(path).is_ok();
    there(rotated)
        || Compress::SUFFIXES.iter().any(|suffix| {
            let packed = with(rotated, suffix);
            there(&packed) || there(&with(&packed, ".tmp"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_read_back() {
        let stamps = [0, 1, 999, 1000, 1_764_044_448_123, 253_402_300_799_999].map(RotationStamp);
        let path = Path::new("/var/log/a.b");
        let names: Vec<_> = stamps.iter().map(|&stamp| rotated(path, stamp)).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names[4], Path::new("/var/log/a.b.20251125T042048.123Z"));
        for (name, stamp) in names.iter().zip(stamps).take(5) {
            let name = name.file_name().unwrap();
            assert_eq!(parse(OsStr::new("a.b"), name), Some((stamp, RotatedKind::Plain)));
            for (suffix, kind) in [
                (".gz", RotatedKind::Packed),
                (".zst", RotatedKind::Packed),
                (".gz.tmp", RotatedKind::Unfinished),
            ] {
                let name = with(Path::new(name), suffix);
                assert_eq!(parse(OsStr::new("a.b"), name.as_os_str()), Some((stamp, kind)));
            }
        }
    }

    #[test]
    fn other_names_are_none_of_ours() {
        for name in [
            "log",
            "log.1",
            "log.20261125T042048.123Z.xz",
            "log.20261125T042048.123Z.tmp",
            "log.20261125T042048.123Zgz",
            "log.20261325T042048.123Z",
            "log.20261125T042460.123Z",
            "log.20261125 042048.123Z",
            "log.20261125T042048,123Z",
            "log.+0261125T042048.123Z",
            "log.2026112\u{e4}T04204.123Z",
            "log2.20261125T042048.123Z",
            "logger.20261125T042048.123Z",
        ] {
            assert_eq!(parse(OsStr::new("log"), OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_reorder_names() {
        assert_eq!(RotationStamp::after(None, 5_000_000), RotationStamp(5));
        assert_eq!(RotationStamp::after(Some(RotationStamp(4)), 5_000_000), RotationStamp(5));
        assert_eq!(RotationStamp::after(Some(RotationStamp(5)), 5_000_000), RotationStamp(6));
        assert_eq!(RotationStamp::after(Some(RotationStamp(9)), 5_000_000), RotationStamp(10));
    }
}
