//! The digests that tie the committed BPF object to its sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Files that the object is made from, relative to the workspace's root.
const SOURCES: [&str; 4] =
    ["tracego-common/Cargo.toml", "tracego-common/src", "tracego-ebpf/Cargo.toml", "tracego-ebpf/src"];

/// Returns the SHA-256 of the bytes, in hexadecimal.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Returns one digest over all source files: paths in order, each path and content preceded by its length.
pub(crate) fn of_sources(root: &Path) -> Result<String> {
    let mut files = BTreeMap::new();
    for source in SOURCES {
        collect(root, source, &mut files)?;
    }
    let mut hash = Sha256::new();
    for (path, content) in &files {
        for part in [path.as_bytes(), content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// Adds the file, or every file of the folder, under its path relative to the root.
fn collect(root: &Path, relative: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let path = root.join(relative);
    let context = || format!("cannot read {}", path.display());
    if !path.is_dir() {
        files.insert(relative.to_owned(), fs::read(&path).with_context(context)?);
        return Ok(());
    }
    for entry in fs::read_dir(&path).with_context(context)? {
        let name = entry.with_context(context)?.file_name();
        collect(root, &format!("{relative}/{}", name.to_str().with_context(context)?), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for package in ["tracego-common", "tracego-ebpf"] {
            fs::create_dir_all(root.path().join(package).join("src")).unwrap();
            fs::write(root.path().join(package).join("Cargo.toml"), package).unwrap();
            fs::write(root.path().join(package).join("src/a.rs"), "ab").unwrap();
        }
        root
    }

    #[test]
    fn the_folder_does_not_matter() {
        assert_eq!(of_sources(tree().path()).unwrap(), of_sources(tree().path()).unwrap());
    }

    #[test]
    fn content_and_name_matter() {
        let root = tree();
        let before = of_sources(root.path()).unwrap();
        let file = root.path().join("tracego-ebpf/src/a.rs");
        fs::write(&file, "abc").unwrap();
        let edited = of_sources(root.path()).unwrap();
        fs::write(&file, "ab").unwrap();
        fs::rename(&file, file.with_file_name("b.rs")).unwrap();
        let renamed = of_sources(root.path()).unwrap();
        assert!(before != edited && before != renamed && edited != renamed);
    }

    #[test]
    fn a_missing_source_is_an_error() {
        assert!(of_sources(tempfile::tempdir().unwrap().path()).is_err());
    }
}
