//! The files of a bundle from any source, with limits on number, size, depth and names.

use std::collections::BTreeMap;

use super::error::{BundleProblem, DEEP, FileProblem, printable};

/// Maximum number of files and folders in a bundle.
pub const FILES_MAX: usize = 4096;
/// Maximum size of a file in bytes.
pub const FILE_MAX: u64 = 4 << 20;
/// Maximum size of all files in bytes, decompressed.
pub const TOTAL_MAX: u64 = 64 << 20;
/// Maximum depth: the number of parts in a name.
pub const DEPTH_MAX: usize = 32;
/// Maximum size in bytes of a name with its folders.
pub const NAME_MAX: usize = 1024;
/// Maximum number of values in the data, which includes numbers and texts as well as objects and lists: each
/// takes far more memory than the two bytes that it may have in a file.
pub const VALUES_MAX: usize = 1 << 20;

/// Name of the manifest, at the root.
pub(super) const MANIFEST: &str = ".manifest";
/// Name of the file with the signatures, at the root.
pub const SIGNATURES: &str = ".signatures.json";

/// Files by name, in the order of the names' bytes.
#[derive(Debug, Default)]
pub(super) struct BundleFiles {
    files: BTreeMap<String, Vec<u8>>,
    entries: usize,
    bytes: u64,
}

impl BundleFiles {
    /// Counts a file or folder. Fails if there are too many.
    pub(super) fn count(&mut self) -> Result<(), FileProblem> {
        self.entries += 1;
        if self.entries > FILES_MAX { Err(BundleProblem::Many.into()) } else { Ok(()) }
    }

    /// Adds a file, with a name from [`name`]. Fails if the name exists or a size limit is exceeded.
    pub(super) fn add(&mut self, name: String, content: Vec<u8>) -> Result<(), FileProblem> {
        let size = content.len() as u64;
        if size > FILE_MAX {
            return Err(BundleProblem::Large.of(&name));
        }
        self.bytes += size;
        if self.bytes > TOTAL_MAX {
            return Err(BundleProblem::Total.into());
        }
        if self.files.contains_key(&name) {
            return Err(BundleProblem::Twice.of(&name));
        }
        self.files.insert(name, content);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, content)| (name.as_str(), content.as_slice()))
    }
}

/// Returns the name of a file or folder relative to the bundle's root; `None` for the root itself.
///
/// `opa build` starts every name with a slash, and `tar` with `./`: both mean the root. Nothing is ever
/// unpacked, so such a name leads nowhere else.
pub(super) fn name(raw: &[u8]) -> Result<Option<String>, FileProblem> {
    let bad = |why| Err(BundleProblem::Name(why).of(&printable(raw)));
    if raw.len() > NAME_MAX {
        return bad("has a name of more than 1024 bytes");
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return bad("has a name that is not UTF-8");
    };
    if text.chars().any(char::is_control) {
        return bad("has a control character in its name");
    }
    let text = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() || text == "." {
        return Ok(None);
    }
    let mut depth = 0;
    for part in text.split('/') {
        match part {
            "" | "." => return bad("has an empty part in its name"),
            ".." => return bad("has `..` in its name"),
            _ => depth += 1,
        }
    }
    if depth > DEPTH_MAX {
        return bad(DEEP);
    }
    Ok(Some(text.to_owned()))
}

/// Whether a file is ignored because the file or one of its folders is hidden. The manifest and the
/// signatures at the root are not ignored.
pub(super) fn ignored(name: &str) -> bool {
    name != MANIFEST && name != SIGNATURES && name.split('/').any(|part| part.starts_with('.'))
}

/// Returns the last part of a name.
pub(super) fn base(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, base)| base)
}

/// Whether a file is a module.
pub(super) fn is_module(name: &str) -> bool {
    name.ends_with(".rego")
}

/// Whether a file is data. OPA accepts only these three names.
pub(super) fn is_data(name: &str) -> bool {
    matches!(base(name), "data.json" | "data.yaml" | "data.yml")
}
