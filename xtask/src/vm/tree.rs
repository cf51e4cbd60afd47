//! The guest's files: copies of this machine's files under the same paths, and generated ones.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::cpio::{Archive, FILE, FOLDER, LINK};

/// The content at a path.
enum Entry {
    Folder,
    Link(PathBuf),
    /// A copy of this file.
    Copy(PathBuf),
    Made(Vec<u8>, u32),
}

/// Maximum number of symbolic links in one path.
const LINKS_MAX: usize = 40;

/// The guest's files by absolute path; a folder sorts before its entries.
#[derive(Default)]
pub(super) struct Tree(BTreeMap<PathBuf, Entry>);

impl Tree {
    /// Adds a folder and its parents.
    pub(super) fn folder(&mut self, path: &Path) {
        for above in path.ancestors().filter(|above| *above != Path::new("/")) {
            self.0.entry(above.to_owned()).or_insert(Entry::Folder);
        }
    }

    /// Adds a generated file.
    pub(super) fn made(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) {
        let path = Path::new(path);
        path.parent().into_iter().for_each(|folder| self.folder(folder));
        self.0.insert(path.to_owned(), Entry::Made(content.into(), mode));
    }

    /// Adds a copy of a file under another path.
    pub(super) fn copied(&mut self, path: &str, from: PathBuf) {
        let path = Path::new(path);
        path.parent().into_iter().for_each(|folder| self.folder(folder));
        self.0.insert(path.to_owned(), Entry::Copy(from));
    }

    /// Adds a program of this machine under its own path, the links that lead there, and its libraries.
    pub(super) fn program(&mut self, path: &Path) -> Result<()> {
        self.file(path)?;
        for library in libraries(path)? {
            self.file(&library)?;
        }
        Ok(())
    }

    /// Adds a program of this machine by name, through `/bin` first, so that the guest has that link too.
    pub(super) fn command(&mut self, name: &str) -> Result<()> {
        let all = std::env::var_os("PATH").context("PATH is not set")?;
        let mut folders = std::iter::once(PathBuf::from("/bin")).chain(std::env::split_paths(&all));
        let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()));
        self.program(&found.with_context(|| format!("{name}, which the tests use, is not in PATH"))?)
    }

    /// Replaces the content of a file in the tree.
    pub(super) fn replace(&mut self, path: &Path, by: PathBuf) -> Result<()> {
        let entry =
            self.0.get_mut(path).with_context(|| format!("{} is no path of the guest", path.display()))?;
        *entry = Entry::Copy(by);
        Ok(())
    }

    /// Adds a file of this machine, and the links and folders that lead to it.
    fn file(&mut self, path: &Path) -> Result<()> {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            let Some((link, target, rest)) = first_link(&path)? else {
                path.parent().into_iter().for_each(|folder| self.folder(folder));
                self.0.insert(path.clone(), Entry::Copy(path));
                return Ok(());
            };
            let folder = link.parent().context("a link without a folder")?.to_owned();
            self.folder(&folder);
            path = plain(&folder.join(&target).join(rest));
            self.0.insert(link, Entry::Link(target));
        }
        bail!("{}: too many links", path.display())
    }

    /// Writes the archive.
    pub(super) fn write(&self, to: &Path) -> Result<()> {
        let file = fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
        let mut archive = Archive::new(BufWriter::new(file));
        for (path, entry) in &self.0 {
            let name = path.strip_prefix("/")?.as_os_str().as_bytes();
            let added = match entry {
                Entry::Folder => archive.add(name, FOLDER | 0o755, b""),
                Entry::Link(target) => archive.add(name, LINK | 0o777, target.as_os_str().as_bytes()),
                Entry::Made(content, mode) => archive.add(name, FILE | mode, content),
                Entry::Copy(from) => {
                    copied(from).and_then(|(mode, content)| archive.add(name, mode, &content))
                }
            };
            added.with_context(|| format!("cannot add {}", path.display()))?;
        }
        Ok(archive.finish()?)
    }
}

fn copied(from: &Path) -> io::Result<(u32, Vec<u8>)> {
    Ok((FILE | (fs::metadata(from)?.permissions().mode() & 0o7777), fs::read(from)?))
}

/// Returns the first part of a path that is a link, its target, and the rest.
fn first_link(path: &Path) -> Result<Option<(PathBuf, PathBuf, PathBuf)>> {
    let mut at = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        at.push(part);
        let meta = fs::symlink_metadata(&at).with_context(|| format!("cannot look at {}", at.display()))?;
        if meta.is_symlink() {
            let target = fs::read_link(&at)?;
            return Ok(Some((at, target, parts.as_path().to_owned())));
        }
    }
    Ok(None)
}

/// Returns the path without `..` and without a trailing slash; its parts must not be links.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// Returns the libraries that the dynamic linker would load; none for a script or a static program.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output =
        Command::new("ldd").arg(program).stderr(Stdio::null()).output().context("cannot start ldd")?;
    let text = String::from_utf8(output.stdout).context("ldd: not UTF-8")?;
    ensure!(!text.contains("not found"), "{}: {text}", program.display());
    Ok(text
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_brings_its_links_and_its_libraries() {
        let mut tree = Tree::default();
        tree.command("sh").unwrap();
        let real = fs::canonicalize("/bin/sh").unwrap();
        assert!(matches!(&tree.0[&real], Entry::Copy(from) if *from == real));
        assert!(tree.0.keys().any(|path| path.to_string_lossy().contains("libc.")), "{:?}", tree.0.keys());
        for path in tree.0.keys() {
            let folder = path.parent().unwrap();
            assert!(
                folder == Path::new("/") || matches!(tree.0[folder], Entry::Folder),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn links_lead_to_what_they_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", root.join("folder")).unwrap();
        std::os::unix::fs::symlink("../folder/file", root.join("real/link")).unwrap();
        let mut tree = Tree::default();
        tree.file(&root.join("folder/link")).unwrap();
        for (name, link) in [("folder", true), ("real/link", true), ("real/file", false)] {
            assert_eq!(matches!(tree.0[&root.join(name)], Entry::Link(_)), link, "{name}");
        }
        std::os::unix::fs::symlink("round", root.join("round")).unwrap();
        assert!(tree.file(&root.join("round")).is_err());
    }
}
