//! The files of a store that may be bundles, by their names.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{MOST_FILES, StoreSummary};

/// Folders below a folder of the store that are entered.
const DEEPEST: usize = 8;

/// Arrangement of the documents of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrangement {
    /// One document.
    Whole,
    /// One document, in a file that may be about something else as well.
    WholeOrOther,
    /// One document a line.
    Lines,
    /// A signature alone, of the file beside.
    Signature,
}

/// A file of the store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoreFile {
    pub(crate) path: PathBuf,
    pub(crate) arrangement: Arrangement,
}

/// Returns how a file with this name is read; nothing for other files.
pub(crate) fn arrangement(path: &Path) -> Option<Arrangement> {
    let name = path.file_name()?.to_str()?;
    let ends = |end: &str| name.len() > end.len() && name.ends_with(end);
    Some(match () {
        () if name.starts_with('.') => return None,
        () if ends(".sigstore.json") || ends(".sigstore") => Arrangement::Whole,
        () if ends(".jsonl") => Arrangement::Lines,
        () if ends(".json") || ends(".bundle") => Arrangement::WholeOrOther,
        () if ends(".sig") => Arrangement::Signature,
        () => return None,
    })
}

/// Returns the files below folders, in the order of their names. Hidden files and folders are left out: mounted secrets
/// and maps have everything twice, once in a hidden folder.
pub(crate) fn tree(folders: &[PathBuf], summary: &mut StoreSummary) -> Vec<StoreFile> {
    let mut files = Vec::new();
    for folder in folders {
        match std::fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => walk(folder, 0, &mut files, summary),
            Ok(_) => match arrangement(folder) {
                Some(Arrangement::WholeOrOther) => {
                    files.push(StoreFile { path: folder.clone(), arrangement: Arrangement::Whole });
                }
                Some(arrangement) => files.push(StoreFile { path: folder.clone(), arrangement }),
                None => {
                    summary.problem(folder, None, "not named as a bundle: .sigstore.json, .jsonl or .sig")
                }
            },
            Err(error) => summary.problem(folder, None, error),
        }
    }
    files
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<StoreFile>, summary: &mut StoreSummary) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return summary.problem(folder, None, error),
    };
    // Names of other files are not kept: a folder of the store may be one of programs.
    let mut found: Vec<(PathBuf, bool)> = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && (is_folder || arrangement(&path).is_some()) {
            if files.len() + found.len() >= MOST_FILES {
                summary.beyond(&path, 1, "the store has more than 100,000 files; the others are left out");
                break;
            }
            found.push((path, is_folder));
        }
    }
    found.sort_unstable();
    for (path, is_folder) in found {
        if !is_folder {
            if let Some(arrangement) = arrangement(&path) {
                files.push(StoreFile { path, arrangement });
            }
        } else if depth >= DEEPEST {
            summary.beyond(&path, 1, "folders deeper than eight levels are left out");
        } else {
            walk(&path, depth + 1, files, summary);
        }
    }
}

/// Returns a number that changes with the names, sizes and times of the files.
pub(crate) fn fingerprint(files: &[StoreFile]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.path.hash(&mut hasher);
        if let Ok(metadata) = std::fs::metadata(&file.path) {
            let state = (metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec());
            state.hash(&mut hasher);
        }
    }
    hasher.finish()
}
