//! The order of files by the chain itself: which file continues at the last line of which.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{input::Lines, line::Sealed};
use crate::seal::chain::{LINK, Link, digest, hex, is_torn, split};

/// Maximum number of files that are ordered, since each beginning is compared with each end.
const FILES_MAX: usize = 2048;

/// The two ends of a file.
struct FileEnds {
    /// First line.
    first: Vec<u8>,
    /// SHA-256 of the last line.
    last: [u8; LINK],
    /// Link behind the last line.
    link: Option<Link>,
    /// Links of signed lines, one of which the next run may name.
    signed: Vec<Link>,
}

impl FileEnds {
    /// Reads a file to its end. Returns `None` if it is empty.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut lines = Lines::of(vec![path.to_owned()]);
        let mut ends: Option<Self> = None;
        while let Some(line) = lines.next_line()? {
            let before = ends.as_ref().and_then(|ends| ends.link);
            let link = match split(&line.bytes) {
                Some(parts) => Some(parts.link),
                None if is_torn(&line.bytes) => before.map(|link| link.torn(&line.bytes)),
                None => before,
            };
            let last = digest(&line.bytes);
            let signed = split(&line.bytes).filter(|parts| parts.signed.is_some()).map(|parts| parts.link);
            let ends = ends.get_or_insert_with(|| Self { first: line.bytes, last, link, signed: Vec::new() });
            (ends.last, ends.link) = (last, link);
            ends.signed.extend(signed);
        }
        Ok(ends)
    }
}

/// Sorts files so that each stands behind the one that it continues. The others stay in the order given.
/// Returns `None` if there are too many.
///
/// # Errors
/// Fails if a file cannot be read.
pub fn linked_order(paths: &[PathBuf]) -> io::Result<Option<Vec<PathBuf>>> {
    if paths.len() > FILES_MAX {
        return Ok(None);
    }
    let ends = paths.iter().map(|path| FileEnds::read(path)).collect::<io::Result<Vec<_>>>()?;
    let known = || ends.iter().enumerate().filter_map(|(n, ends)| Some((n, ends.as_ref()?)));
    let by_last: HashMap<String, usize> = known().map(|(n, ends)| (hex(&ends.last), n)).collect();
    let by_signed: HashMap<String, usize> =
        known().flat_map(|(n, ends)| ends.signed.iter().map(move |link| (link.text(), n))).collect();
    let by_link = |sealed: &Sealed<'_>| {
        known().find(|(_, other)| other.link.is_some_and(|link| sealed.follows(link))).map(|(n, _)| n)
    };
    // The file that each continues.
    let before: Vec<Option<usize>> = ends
        .iter()
        .map(|own| {
            let sealed = Sealed::of(&own.as_ref()?.first)?;
            let Some(opening) = sealed.known.opening() else { return by_link(&sealed) };
            let followed = opening.follows.as_ref().and_then(|follows| by_last.get(follows));
            followed.or_else(|| by_signed.get(opening.previous.as_ref()?)).copied()
        })
        .collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); paths.len()];
    for (n, before) in before.iter().enumerate() {
        if let Some(list) = before.filter(|before| *before != n).and_then(|before| after.get_mut(before)) {
            list.push(n);
        }
    }
    let mut ordered = Vec::with_capacity(paths.len());
    let mut placed = vec![false; paths.len()];
    // First the beginnings, then what is left of circles.
    let beginnings = (0..paths.len()).filter(|&n| before[n].is_none_or(|before| before == n));
    for start in beginnings.chain(0..paths.len()).collect::<Vec<_>>() {
        let mut stack = vec![start];
        while let Some(n) = stack.pop() {
            if !std::mem::replace(&mut placed[n], true) {
                ordered.push(paths[n].clone());
                stack.extend(after[n].iter().rev());
            }
        }
    }
    Ok(Some(ordered))
}
