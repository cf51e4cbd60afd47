//! Files that other files include: they are read as what the other file says they are.

use std::collections::{HashMap, HashSet};

use globset::GlobBuilder;

use super::{
    ScannedFile,
    calls::joined,
    walk::{Walked, Walker},
};
use crate::{
    document::{self, DocumentKind},
    extract::Inclusion,
    source::SourceFile,
};

/// Maximum number of rounds: a file that is included may include others.
const MAX_ROUNDS: usize = 8;
/// Maximum number of files that are read because others include them.
const MAX_FILES: usize = 2000;
/// Maximum number of other files whose variables hold in a Makefile.
const MAX_OTHERS: usize = 16;

/// Reads the files that others include, unless they were read as the same kind.
pub(super) fn read_included(walker: &Walker<'_>, walked: &mut Walked) {
    let mut known: HashSet<(String, DocumentKind)> =
        walked.files.iter().map(|file| (file.source.path.to_string(), file.kind)).collect();
    let mut from = 0;
    let mut added = 0;
    for _ in 0..MAX_ROUNDS {
        let files = walked.files.get(from..).unwrap_or_default();
        let wanted: Vec<(String, DocumentKind)> = files
            .iter()
            .flat_map(|file| {
                file.extract.inclusions.iter().map(|inclusion| (file.source.folder(), inclusion))
            })
            .flat_map(|(folder, inclusion)| paths(walker, folder, inclusion))
            .collect();
        from = walked.files.len();
        for (path, kind) in wanted {
            if added < MAX_FILES
                && !known.contains(&(path.clone(), kind))
                && walker.read_included(&path, kind, walked)
            {
                added += 1;
                known.insert((path, kind));
            }
        }
        if walked.files.len() == from {
            return;
        }
    }
}

/// Returns the paths that an inclusion may mean: from the root, and from the folder of the file.
fn paths(walker: &Walker<'_>, folder: &str, inclusion: &Inclusion) -> Vec<(String, DocumentKind)> {
    let mut found = vec![joined("", &inclusion.path)];
    if !inclusion.path.starts_with('/') {
        found.insert(0, joined(folder, &inclusion.path));
    }
    found.dedup();
    if inclusion.path.contains('*') {
        found = found.iter().flat_map(|pattern| matching(walker, pattern)).collect();
    }
    found.into_iter().map(|path| (path, inclusion.kind)).collect()
}

/// Returns the paths of files that match a pattern.
fn matching(walker: &Walker<'_>, pattern: &str) -> Vec<String> {
    let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() else { return Vec::new() };
    let glob = glob.compile_matcher();
    let fixed = pattern.split('*').next().unwrap_or_default();
    let folder = fixed.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = walker.paths_below(folder);
    found.retain(|path| glob.is_match(path));
    found
}

/// Reads Makefiles once more that include others or are included, with the variables of those.
pub(super) fn share_variables(files: &mut [ScannedFile]) {
    let index: HashMap<String, usize> =
        files.iter().enumerate().map(|(index, file)| (file.source.path.to_string(), index)).collect();
    let is_makefile =
        |number: usize| files.get(number).is_some_and(|file| file.kind == DocumentKind::Makefile);
    let mut includes: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut includers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (number, file) in files.iter().enumerate().filter(|(number, _)| is_makefile(*number)) {
        for inclusion in &file.extract.inclusions {
            let folders = [file.source.folder(), ""];
            let found: Vec<usize> = match inclusion.path.contains('*') {
                true => folders
                    .iter()
                    .flat_map(|folder| numbers_of(&index, &joined(folder, &inclusion.path)))
                    .collect(),
                false => {
                    let found = folders.iter().find_map(|folder| index.get(&joined(folder, &inclusion.path)));
                    found.copied().into_iter().collect()
                }
            };
            for other in found.into_iter().filter(|other| *other != number && is_makefile(*other)) {
                includes.entry(number).or_default().push(other);
                includers.entry(other).or_default().push(number);
            }
        }
    }
    let mut again = Vec::new();
    for number in 0..files.len() {
        let others = related(number, &includes, &includers);
        if others.is_empty() {
            continue;
        }
        let sources: Vec<&SourceFile> =
            others.iter().filter_map(|other| Some(&files.get(*other)?.source)).collect();
        let Some(file) = files.get(number) else { continue };
        let extract = document::read_with(DocumentKind::Makefile, &file.source, &sources);
        let below = reached(number, &includes);
        again.push((number, extract, below));
    }
    for (number, extract, below) in again {
        if let Some(file) = files.get_mut(number) {
            file.extract = extract;
            file.included = below;
        }
    }
}

/// Returns the numbers of files whose paths match a pattern, the first paths first.
fn numbers_of(index: &HashMap<String, usize>, pattern: &str) -> Vec<usize> {
    let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() else { return Vec::new() };
    let glob = glob.compile_matcher();
    let mut found: Vec<usize> =
        index.iter().filter(|(path, _)| glob.is_match(path)).map(|(_, number)| *number).collect();
    found.sort_unstable();
    found.truncate(MAX_OTHERS);
    found
}

/// Returns the files whose variables hold in a file: those that it includes, those that include it, and what these include.
fn related(
    number: usize,
    includes: &HashMap<usize, Vec<usize>>,
    includers: &HashMap<usize, Vec<usize>>,
) -> Vec<usize> {
    let mut found = reached(number, includes);
    for includer in includers.get(&number).into_iter().flatten().take(MAX_OTHERS) {
        found.push(*includer);
        found.extend(reached(*includer, includes));
    }
    let mut seen = HashSet::from([number]);
    found.retain(|other| seen.insert(*other));
    found.truncate(MAX_OTHERS);
    found
}

/// Returns the files that a file includes, also through others.
fn reached(number: usize, includes: &HashMap<usize, Vec<usize>>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([number]);
    let mut queue = vec![number];
    while let Some(next) = queue.pop().filter(|_| found.len() < 4 * MAX_OTHERS) {
        for other in includes.get(&next).into_iter().flatten() {
            if seen.insert(*other) {
                found.push(*other);
                queue.push(*other);
            }
        }
    }
    found
}
