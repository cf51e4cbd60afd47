//! The files of a tree, as git sees them.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

use ignore::{DirEntry, WalkBuilder, WalkState, overrides::OverrideBuilder};

use super::{ScanOptions, ScannedFile, UnreadFile, candidate::is_candidate, encoding::decoded};
use crate::{
    document::{self, DocumentKind},
    source::{MAX_FILE, SourceFile},
    suppression::Suppression,
    tree_modules::TreeModules,
};

/// A folder, or files that were named one by one.
pub(super) struct Root {
    pub(super) base: PathBuf,
    /// Text in front of paths in reports.
    pub(super) prefix: String,
    /// Files, if the root is no folder.
    files: Vec<PathBuf>,
}

/// Folders whose files are other people's.
pub(super) const FOREIGN: [&str; 3] = ["node_modules", "vendor", ".git"];

/// Returns the roots of paths.
pub(super) fn roots(paths: &[PathBuf]) -> io::Result<Vec<Root>> {
    let mut found = Vec::new();
    let mut files = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        if metadata.is_dir() {
            let shown = path.display().to_string();
            let shown = shown.trim_start_matches("./").trim_end_matches('/');
            let prefix = match shown {
                "" | "." => String::new(),
                folder => format!("{folder}/"),
            };
            found.push(Root { base: path.clone(), prefix, files: Vec::new() });
        } else {
            files.push(path.clone());
        }
    }
    // A folder around another comes first, because callers stand there; each file is read once.
    let parts = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).components().count();
    found.sort_by_key(|root| parts(&root.base));
    if !files.is_empty() {
        found.push(Root { base: PathBuf::new(), prefix: String::new(), files });
    }
    Ok(found)
}

/// Everything that was read.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) files: Vec<ScannedFile>,
    pub(super) modules: TreeModules,
    pub(super) unread: Vec<UnreadFile>,
    pub(super) large: Vec<String>,
    pub(super) read: usize,
    /// Memory that all files are read into, one after the other.
    buffer: Vec<u8>,
}

/// Reads the files of one root.
pub(super) struct Walker<'a> {
    /// Files that were read below other roots; `None` if there is one root.
    seen: Option<&'a Mutex<HashSet<PathBuf>>>,
    pub(super) root: &'a Root,
    pub(super) options: &'a ScanOptions,
    pub(super) excluded: ignore::overrides::Override,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        root: &'a Root,
        options: &'a ScanOptions,
        seen: Option<&'a Mutex<HashSet<PathBuf>>>,
    ) -> io::Result<Self> {
        let mut builder = OverrideBuilder::new(&root.base);
        for pattern in &options.excluded {
            builder
                .add(&format!("!{pattern}"))
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        let excluded = builder.build().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Self { seen, root, options, excluded })
    }

    pub(super) fn walk(&self) -> Walked {
        let walked = Mutex::new(Walked::default());
        if let Some(staged) = &self.options.staged {
            let mut local = Walked::default();
            for (path, bytes) in staged {
                let is_foreign = path.split('/').any(|part| FOREIGN.contains(&part));
                if is_foreign || self.excluded.matched(Path::new(path), false).is_ignore() {
                    continue;
                }
                if path.ends_with("go.mod") {
                    local.modules.add(bytes);
                } else if bytes.len() >= CAPACITY {
                    local.large.push(path.clone());
                } else {
                    local.read += 1;
                    self.take(path, DocumentKind::of(path), bytes, &mut local);
                }
            }
            return local;
        }
        if self.root.base.as_os_str().is_empty() {
            let mut local = Walked::default();
            for path in &self.root.files {
                self.read_named(path, &mut local);
            }
            return local;
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let walk = WalkBuilder::new(&self.root.base)
            .hidden(false)
            .require_git(false)
            .overrides(self.excluded.clone())
            .threads(threads)
            .filter_entry(|entry| entry.depth() == 0 || !is_foreign(entry))
            .build_parallel();
        walk.run(|| {
            let mut local = Batch { walked: Walked::default(), all: &walked };
            Box::new(move |entry| {
                match entry {
                    Ok(entry) => self.visit(&entry, &mut local.walked),
                    Err(error) => local.walked.unread.push(UnreadFile {
                        path: self.root.base.display().to_string(),
                        reason: error.to_string(),
                    }),
                }
                WalkState::Continue
            })
        });
        walked.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn visit(&self, entry: &DirEntry, walked: &mut Walked) {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            return;
        }
        let relative = entry.path().strip_prefix(&self.root.base).unwrap_or(entry.path());
        let relative = relative.to_string_lossy();
        let name = entry.file_name().to_string_lossy();
        if name == "go.mod" {
            let mut buffer = std::mem::take(&mut walked.buffer);
            if let Ok(Content::Whole(length)) = content(entry.path(), false, &mut buffer) {
                walked.modules.add(buffer.get(..length).unwrap_or_default());
            }
            walked.buffer = buffer;
            return;
        }
        let kind = DocumentKind::of(&relative);
        let may_have_first_line = !name.contains('.') || name.starts_with('.');
        if kind.is_none() && !may_have_first_line
            || kind == Some(DocumentKind::Markdown) && !self.options.reads_documents
        {
            return;
        }
        self.read(entry.path(), &relative, kind, walked);
    }

    fn read_named(&self, path: &Path, walked: &mut Walked) {
        let shown = path.to_string_lossy().trim_start_matches("./").to_owned();
        // A pipe would wait for a writer.
        let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if self.excluded.matched(path, false).is_ignore() || !is_file {
            return;
        }
        self.read(path, &shown, DocumentKind::of(&shown), walked);
    }

    /// Reads a file. Without a kind, its first line decides.
    pub(super) fn read(&self, path: &Path, relative: &str, kind: Option<DocumentKind>, walked: &mut Walked) {
        if let Some(seen) = self.seen {
            let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            if !seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(real) {
                return;
            }
        }
        let mut buffer = std::mem::take(&mut walked.buffer);
        match content(path, kind.is_none(), &mut buffer) {
            Ok(Content::Whole(length)) => {
                walked.read += 1;
                self.take(relative, kind, buffer.get(..length).unwrap_or_default(), walked);
            }
            Ok(Content::TooLarge) => walked.large.push(format!("{}{relative}", self.root.prefix)),
            Ok(Content::Nothing) => {}
            Err(error) => {
                let path = format!("{}{relative}", self.root.prefix);
                walked.unread.push(UnreadFile { path, reason: error.to_string() });
            }
        }
        walked.buffer = buffer;
    }

    /// Parses a file if it can matter. Without a kind, its first line decides.
    pub(super) fn take(&self, relative: &str, kind: Option<DocumentKind>, bytes: &[u8], walked: &mut Walked) {
        let bytes = &*decoded(bytes);
        let first_line =
            || DocumentKind::of_first_line(bytes.split(|b| *b == b'\n').next().unwrap_or_default());
        let Some(kind) = kind.or_else(first_line) else { return };
        if !is_candidate(kind, bytes) {
            return;
        }
        let source = SourceFile::new(relative, bytes.to_vec());
        let extract = document::read(kind, &source);
        let suppressions = Suppression::all(&source);
        // Another Makefile may include its targets, so a Makefile is kept in any case.
        if !extract.is_empty() || !suppressions.is_empty() || kind == DocumentKind::Makefile {
            walked.files.push(ScannedFile { source, kind, extract, suppressions, included: Vec::new() });
        }
    }
}

/// The files that one thread has read. They are added to the others when the thread ends.
struct Batch<'a> {
    walked: Walked,
    all: &'a Mutex<Walked>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.files.append(&mut self.walked.files);
        all.unread.append(&mut self.walked.unread);
        all.large.append(&mut self.walked.large);
        all.read += self.walked.read;
        all.modules.merge(&mut self.walked.modules);
    }
}

pub(super) fn is_foreign(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
        && entry.file_name().to_str().is_some_and(|name| FOREIGN.contains(&name))
}

/// The content of a file.
enum Content {
    /// The content is in the buffer, with this length.
    Whole(usize),
    TooLarge,
    /// The file is none that holds commands.
    Nothing,
}

/// Number of bytes in which a first line such as `#!/bin/sh` is looked for.
const FIRST_LINE: usize = 128;
#[expect(clippy::cast_possible_truncation, reason = "the maximum is a megabyte")]
const CAPACITY: usize = MAX_FILE as usize + 1;

fn content(path: &Path, needs_first_line: bool, buffer: &mut Vec<u8>) -> io::Result<Content> {
    let mut file = File::open(path)?;
    buffer.resize(CAPACITY, 0);
    let mut length = 0;
    if needs_first_line {
        length = file.read(buffer.get_mut(..FIRST_LINE).unwrap_or_default())?;
        let first = buffer.get(..length).unwrap_or_default().split(|b| *b == b'\n').next();
        if DocumentKind::of_first_line(first.unwrap_or_default()).is_none() {
            return Ok(Content::Nothing);
        }
    }
    loop {
        let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) else {
            return Ok(Content::TooLarge);
        };
        match file.read(rest) {
            Ok(0) => return Ok(Content::Whole(length)),
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
