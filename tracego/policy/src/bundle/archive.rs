//! Bundles in archives, as `opa build` and `tar czf` make them. Nothing is written to disk, and no more is
//! decompressed than a bundle may have.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::{
    error::{BundleProblem, FileProblem, printable},
    files::{BundleFiles, FILE_MAX, FILES_MAX, TOTAL_MAX, ignored, name},
};

/// Maximum size of a decompressed archive in bytes: the limit for files, and for each file or folder a
/// header, another one for a long name, and padding.
const STREAM_MAX: u64 = TOTAL_MAX + (FILES_MAX as u64) * 3072;

/// Reads a gzip-compressed archive.
pub(super) fn gzip(bytes: impl Read) -> Result<BundleFiles, FileProblem> {
    plain(MultiGzDecoder::new(bytes))
}

/// Reads an uncompressed archive.
pub(super) fn plain(bytes: impl Read) -> Result<BundleFiles, FileProblem> {
    let mut archive = Archive::new(Bounded { inner: bytes, left: STREAM_MAX });
    let mut files = BundleFiles::default();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        files.count()?;
        let kind = entry.header().entry_type();
        // Written by `git archive`, about the archive as a whole.
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let raw = entry.path_bytes().into_owned();
        match kind {
            EntryType::Regular | EntryType::Directory => {}
            other => return Err(BundleProblem::Special(special(other)).of(&printable(&raw))),
        }
        let Some(name) = name(&raw)? else {
            if kind == EntryType::Directory {
                continue;
            }
            return Err(BundleProblem::Name("has an empty name").of(&printable(&raw)));
        };
        // In old archives, a file whose name ends with a slash is a folder.
        if kind == EntryType::Directory || raw.ends_with(b"/") || ignored(&name) {
            continue;
        }
        let size = entry.size();
        if size > FILE_MAX {
            return Err(BundleProblem::Large.of(&name));
        }
        let mut content = Vec::new();
        (&mut entry).take(FILE_MAX + 1).read_to_end(&mut content).map_err(broken)?;
        if content.len() as u64 != size {
            return Err(BundleProblem::Archive("the file ends early".into()).of(&name));
        }
        files.add(name, content)?;
    }
    // The rest holds the checksum, and perhaps data that another reader would find.
    let mut rest = archive.into_inner();
    let mut block = [0; 4096];
    loop {
        match rest.read(&mut block).map_err(broken)? {
            0 => return Ok(files),
            read if block[..read].iter().any(|&byte| byte != 0) => return Err(BundleProblem::Behind.into()),
            _ => {}
        }
    }
}

fn special(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink | EntryType::Link => "link",
        EntryType::Char | EntryType::Block => "device",
        EntryType::Fifo => "pipe",
        EntryType::GNUSparse => "sparse file",
        _ => "entry of an unknown kind",
    }
}

fn broken(error: io::Error) -> FileProblem {
    if error.get_ref().is_some_and(|inner| inner.is::<TooMuch>()) {
        return BundleProblem::Total.into();
    }
    // The tar crate wraps the error of the reader, which is then a source.
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        if inner.is::<TooMuch>() {
            return BundleProblem::Total.into();
        }
        source = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    BundleProblem::Archive(printable(error.to_string().as_bytes())).into()
}

/// The error of [`Bounded`] at its limit.
#[derive(Debug, thiserror::Error)]
#[error("too much")]
struct TooMuch;

/// A reader that fails beyond a limit, where [`Read::take`] would report the end.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(TooMuch))?;
        Ok(read)
    }
}
