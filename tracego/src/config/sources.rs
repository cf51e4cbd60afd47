//! The files of a configuration: one file, or a folder with a main file and parts.
//!
//! ```text
//! /etc/tracego/tracego.toml     the main file, which may be missing
//! /etc/tracego/conf.d/*.toml    parts, in the order of their names; hidden files are ignored
//! ```

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::ownership;

/// Folder that is read if no configuration is named.
pub(crate) const FOLDER: &str = "/etc/tracego";
/// Value of `--config` that stands for no file at all.
pub(super) const NO_FILE: &str = "none";
/// Name of the main file in a folder.
const MAIN: &str = "tracego.toml";
/// Name of the folder of parts, and their extension.
const PARTS: (&str, &str) = ("conf.d", "toml");
/// Maximum size of a file in bytes.
const SIZE_MAX: u64 = 4 << 20;

/// A file of a configuration with its text.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Reads the named file, or the files of the named folder, which need not have a main file.
///
/// # Errors
/// Fails if there is no such file or folder, if a file cannot be read, or if a user who is not trusted could
/// change one. The text names the path and the remediation.
pub(super) fn named(path: &Path) -> Result<Vec<Source>, String> {
    let is_folder = match fs::metadata(path) {
        Err(error) => return Err(format!("--config {}: {error}", path.display())),
        Ok(about) => about.is_dir(),
    };
    if !is_folder {
        return read(path)
            .map(|source| vec![source])
            .map_err(|why| format!("--config {}: {why}", path.display()));
    }
    let sources = folder(path)?;
    if sources.is_empty() {
        let (parts, extension) = PARTS;
        return Err(format!(
            "--config {}: neither {MAIN} nor {parts}/*.{extension} is there",
            path.display()
        ));
    }
    Ok(sources)
}

/// Returns the paths that a reload reads for `--config`, in their order, whether they are there or not: the named
/// file, or the files of the named or the default folder.
pub(crate) fn paths(config: Option<&Path>) -> Vec<PathBuf> {
    let named = config.unwrap_or(Path::new(FOLDER));
    if named.as_os_str() == NO_FILE {
        return Vec::new();
    }
    if config.is_some() && !named.is_dir() {
        return vec![named.to_owned()];
    }
    let mut paths = parts(&named.join(PARTS.0)).unwrap_or_default();
    paths.insert(0, named.join(MAIN));
    paths
}

/// Reads the files of a folder. Missing files are no error.
///
/// # Errors
/// Fails if a file cannot be read, or if a user who is not trusted could change one.
pub(super) fn folder(folder: &Path) -> Result<Vec<Source>, String> {
    let mut paths = parts(&folder.join(PARTS.0))?;
    paths.insert(0, folder.join(MAIN));
    let mut sources = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(source) => sources.push(source),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound && is_absent(&path) => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Ok(sources)
}

/// Returns whether there is no file; a link without a target is one.
fn is_absent(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Returns the paths of the parts in the order of their names.
fn parts(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == PARTS.1) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The reason why a file gives no configuration.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Untrusted(#[from] ownership::Untrusted),
    #[error("larger than {} MiB", SIZE_MAX >> 20)]
    Large,
}

fn read(path: &Path) -> Result<Source, Unreadable> {
    let file = File::open(path)?;
    ownership::check_file(path, &file)?;
    let mut text = String::new();
    file.take(SIZE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SIZE_MAX {
        return Err(Unreadable::Large);
    }
    Ok(Source { path: path.to_owned(), text })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(sources: &[Source]) -> Vec<String> {
        sources.iter().map(|source| source.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn parts_come_behind_the_main_file_in_the_order_of_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        assert!(folder(&path("missing")).unwrap().is_empty());
        assert!(folder(dir.path()).unwrap().is_empty());
        let error = named(dir.path()).unwrap_err();
        assert!(error.contains("neither tracego.toml nor conf.d/*.toml is there"), "{error}");
        fs::create_dir(path("conf.d")).unwrap();
        for name in ["20-b.toml", "10-a.toml", ".hidden.toml", "30.toml.dpkg-old", "README"] {
            fs::write(path("conf.d").join(name), name).unwrap();
        }
        assert_eq!(names(&named(dir.path()).unwrap()), ["10-a.toml", "20-b.toml"]);
        fs::write(path("tracego.toml"), "").unwrap();
        assert_eq!(names(&folder(dir.path()).unwrap()), ["tracego.toml", "10-a.toml", "20-b.toml"]);
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("tracego.toml");
        symlink("/no/such/file", &main).unwrap();
        let error = folder(dir.path()).unwrap_err();
        assert!(error.starts_with(main.to_str().unwrap()) && error.contains("No such file"), "{error}");
        fs::remove_file(&main).unwrap();
        fs::write(&main, [0xff]).unwrap();
        assert!(folder(dir.path()).unwrap_err().contains("UTF-8"));
        fs::write(&main, vec![b' '; (SIZE_MAX + 1) as usize]).unwrap();
        assert!(folder(dir.path()).unwrap_err().contains("larger than 4 MiB"));
        fs::remove_file(&main).unwrap();
        fs::create_dir_all(dir.path().join("conf.d/x.toml")).unwrap();
        assert!(folder(dir.path()).unwrap_err().contains("x.toml: Is a directory"));
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        fs::create_dir(dir.path().join("other")).unwrap();
        fs::write(dir.path().join("other/conf.d"), "").unwrap();
        assert!(folder(&dir.path().join("other")).unwrap_err().contains("conf.d: Not a directory"));
    }
}
