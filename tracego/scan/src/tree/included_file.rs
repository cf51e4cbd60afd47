//! Files that are read because others name them.

use std::path::Path;

use ignore::{DirEntry, WalkBuilder};

use super::walk::{FOREIGN, Walked, Walker, is_foreign};
use crate::document::DocumentKind;

/// Maximum number of files among which a pattern is looked for.
const MAX_BELOW: usize = 20_000;

impl Walker<'_> {
    /// Reads a file because another one includes it. Returns whether it is there.
    pub(super) fn read_included(&self, relative: &str, kind: DocumentKind, walked: &mut Walked) -> bool {
        let is_foreign = relative.split('/').any(|part| FOREIGN.contains(&part));
        if is_foreign || self.excluded.matched(Path::new(relative), false).is_ignore() {
            return false;
        }
        if let Some(staged) = &self.options.staged {
            let Some((path, bytes)) = staged.iter().find(|(path, _)| path == relative) else { return false };
            walked.files.retain(|file| *file.source.path != **path);
            self.take(path, Some(kind), bytes, walked);
            return true;
        }
        let path = self.root.base.join(relative);
        // A symbolic link may lead out of the tree. Files that were named one by one include no others.
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        if !is_file || self.root.base.as_os_str().is_empty() {
            return false;
        }
        let was_read = DocumentKind::of(relative).is_some();
        walked.files.retain(|file| *file.source.path != *relative);
        let before = walked.read;
        self.read(&path, relative, Some(kind), walked);
        if was_read {
            walked.read = before;
        }
        true
    }

    /// Returns the paths of files below a folder.
    pub(super) fn paths_below(&self, folder: &str) -> Vec<String> {
        if let Some(staged) = &self.options.staged {
            return staged.iter().map(|(path, _)| path.clone()).collect();
        }
        if self.root.base.as_os_str().is_empty() {
            return Vec::new();
        }
        let walk = WalkBuilder::new(self.root.base.join(folder))
            .hidden(false)
            .require_git(false)
            .overrides(self.excluded.clone())
            .filter_entry(|entry| entry.depth() == 0 || !is_foreign(entry))
            .build();
        let files = walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
        let relative = |entry: DirEntry| {
            Some(entry.path().strip_prefix(&self.root.base).ok()?.to_string_lossy().into_owned())
        };
        files.filter_map(relative).take(MAX_BELOW).collect()
    }
}
