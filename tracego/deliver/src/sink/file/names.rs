//! Names of rotated files: `log.ndjson.20261125T042048.123Z`, by the time of their rotation in UTC, so that
//! they sort by it; `.gz` or `.zst` behind it when compressed, and `.tmp` behind that while not yet whole.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use time::{Date, Month, OffsetDateTime};

use super::settings::Compress;
use tracego_model::clock::Time;

/// The time in a name, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Stamp(pub(super) i64);

/// Bytes of a stamp in a name.
const LEN: usize = 20;

impl Stamp {
    /// The time of day; never before one that was given, so that names stay in order across clock steps.
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

    /// The time, for people and for comparing with that of a file.
    pub(super) fn moment(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok()
    }
}

/// A file beside the current one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// As it was written.
    Plain,
    /// Compressed and whole.
    Packed,
    /// Begun and not finished.
    Unfinished,
}

/// The name of the file of a stamp.
pub(super) fn rotated(path: &Path, stamp: Stamp) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(stamp.text());
    name.into()
}

/// A name with something behind it.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What a name says; nothing for names that are none of ours.
fn parse(file_name: &OsStr, name: &OsStr) -> Option<(Stamp, Kind)> {
    let rest = name.as_bytes().strip_prefix(file_name.as_bytes())?.strip_prefix(b".")?;
    let (stamp, rest) = rest.split_at_checked(LEN)?;
    let packed = |rest: &[u8]| Compress::SUFFIXES.iter().any(|suffix| suffix.as_bytes() == rest);
    let kind = match rest.strip_suffix(b".tmp") {
        Some(rest) if packed(rest) => Kind::Unfinished,
        None if rest.is_empty() => Kind::Plain,
        None if packed(rest) => Kind::Packed,
        _ => return None,
    };
    Some((Stamp::read(stamp)?, kind))
}

/// What the name of a rotated file says: the name of the file before it was rotated, and when that was.
fn parse_any(name: &OsStr) -> Option<(&OsStr, Stamp, Kind)> {
    let bytes = name.as_bytes();
    let mut dots = memchr::memrchr_iter(b'.', bytes);
    // Behind it the stamp, which has one dot itself, and two suffixes at most.
    dots.by_ref().take(5).find_map(|dot| {
        let base = OsStr::from_bytes(&bytes[..dot]);
        parse(base, name).map(|(stamp, kind)| (base, stamp, kind))
    })
}

/// Puts rotated files and the one that is written to in the order in which they were written, by their
/// names. What is not whole is left out, and of a file that is there compressed and not, one. Nothing where no name
/// is that of a rotated file.
#[must_use]
pub fn ordered(paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let mut found: BTreeMap<(PathBuf, Option<Stamp>), (bool, &PathBuf)> = BTreeMap::new();
    let mut others = 0;
    for path in paths {
        let (key, packed) = match path.file_name().and_then(parse_any) {
            Some((.., Kind::Unfinished)) => continue,
            Some((base, stamp, kind)) => ((path.with_file_name(base), Some(stamp)), kind == Kind::Packed),
            None => {
                others += 1;
                ((path.clone(), None), false)
            }
        };
        // The original is the one that was written.
        found.entry(key).and_modify(|known| *known = (*known).min((packed, path))).or_insert((packed, path));
    }
    if others == paths.len() {
        return None;
    }
    let mut all: Vec<_> = found.into_iter().collect();
    // Without a stamp it is the current one, the last.
    all.sort_by(|((one, a), _), ((other, b), _)| {
        one.cmp(other).then(a.is_none().cmp(&b.is_none())).then(a.cmp(b))
    });
    Some(all.into_iter().map(|(_, (_, path))| path.clone()).collect())
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// All regular files that are rotated ones of this path.
pub(super) fn list(path: &Path) -> io::Result<Vec<(Stamp, Kind, PathBuf)>> {
    let file_name: OsString = path.file_name().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        let entry = entry?;
        // One that was just removed is none.
        let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let Some((stamp, kind)) = parse(&file_name, &entry.file_name()).filter(|_| regular) {
            found.push((stamp, kind, entry.path()));
        }
    }
    found.sort_unstable_by_key(|&(stamp, ..)| stamp);
    Ok(found)
}

/// Whether a name, or what it would be called compressed, is taken.
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
        let stamps = [0, 1, 999, 1000, 1_764_044_448_123, 253_402_300_799_999].map(Stamp);
        let path = Path::new("/var/log/a.b");
        let names: Vec<_> = stamps.iter().map(|&stamp| rotated(path, stamp)).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names[4], Path::new("/var/log/a.b.20251125T042048.123Z"));
        for (name, stamp) in names.iter().zip(stamps).take(5) {
            let name = name.file_name().unwrap();
            assert_eq!(parse(OsStr::new("a.b"), name), Some((stamp, Kind::Plain)));
            for (suffix, kind) in
                [(".gz", Kind::Packed), (".zst", Kind::Packed), (".gz.tmp", Kind::Unfinished)]
            {
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
        assert_eq!(Stamp::after(None, 5_000_000), Stamp(5));
        assert_eq!(Stamp::after(Some(Stamp(4)), 5_000_000), Stamp(5));
        assert_eq!(Stamp::after(Some(Stamp(5)), 5_000_000), Stamp(6));
        assert_eq!(Stamp::after(Some(Stamp(9)), 5_000_000), Stamp(10));
    }
}
