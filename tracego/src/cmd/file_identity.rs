//! The identity of a file, and outputs that would overwrite what is read.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use tracego_model::text::printable;

use crate::cli::wrong_usage;

/// Maximum number of symbolic links that are followed to a file that is not there yet.
const LINKS: usize = 8;

/// The identity of a file, however its path is written.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum FileIdentity {
    /// Device and inode of a file that exists.
    Existing(u64, u64),
    /// Path of a file that will be made, without symbolic links.
    New(PathBuf),
}

impl FileIdentity {
    /// Returns the identity of the file at a path.
    pub(super) fn of(path: &Path) -> Self {
        if let Ok(about) = path.metadata() {
            return Self::Existing(about.dev(), about.ino());
        }
        let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        for _ in 0..LINKS {
            let Ok(to) = fs::read_link(&path) else { break };
            path = path.parent().map(|folder| folder.join(&to)).unwrap_or(to);
        }
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        Self::New(match (folder, path.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => path,
        })
    }
}

/// Refuses outputs that are one of the input files, also by a hard or symbolic link. Each path has the name by which an
/// error speaks of it. A device or a FIFO may be both.
///
/// # Errors
/// Fails if an output is an input; the text names both.
pub(super) fn refuse_overwriting<'a>(
    outputs: impl IntoIterator<Item = (&'a str, &'a Path)>,
    inputs: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> anyhow::Result<()> {
    let is_regular = |path: &Path| path.metadata().is_ok_and(|about| about.is_file());
    let inputs: Vec<_> = inputs
        .into_iter()
        .filter(|(_, path)| is_regular(path))
        .map(|(name, path)| (name, path, FileIdentity::of(path)))
        .collect();
    for (option, output) in outputs {
        let identity = FileIdentity::of(output);
        if let Some((name, input, _)) = inputs.iter().find(|(_, _, known)| *known == identity) {
            wrong_usage!(
                "{option} {}: would overwrite {}, {name}; name another file",
                printable(&output.display().to_string()),
                printable(&input.display().to_string())
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::cli::UsageError;

    #[test]
    fn a_file_is_the_same_however_its_path_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| FileIdentity::of(&dir.path().join(name));
        fs::create_dir(dir.path().join("s")).unwrap();
        symlink("s", dir.path().join("l")).unwrap();
        symlink("s/new", dir.path().join("dangling")).unwrap();
        for same in ["s/../s/new", "l/new", "s/./new", "dangling"] {
            assert_eq!(at(same), at("s/new"), "{same}");
        }
        assert_ne!(at("new"), at("s/new"));
        fs::write(dir.path().join("s/new"), "").unwrap();
        fs::hard_link(dir.path().join("s/new"), dir.path().join("hard")).unwrap();
        for same in ["s/../s/new", "l/new", "dangling", "hard"] {
            assert_eq!(at(same), at("s/new"), "{same}");
        }
    }

    #[test]
    fn an_output_that_is_an_input_is_refused_with_both_names() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("log"), "records").unwrap();
        fs::hard_link(at("log"), at("hard")).unwrap();
        symlink("log", at("soft")).unwrap();
        let check = |output: &str| {
            let (output, input) = (at(output), at("log"));
            refuse_overwriting([("--output", output.as_path())], [("the records", input.as_path())])
        };
        for output in ["log", "hard", "soft"] {
            let error = check(output).unwrap_err();
            assert!(error.is::<UsageError>(), "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("/{output}: ")) && text.contains("/log, the records"), "{text}");
        }
        check("new").unwrap();
        let null = Path::new("/dev/null");
        refuse_overwriting([("--output", null)], [("the records", null)]).unwrap();
        refuse_overwriting([("--output", Path::new("-"))], [("the records", Path::new("-"))]).unwrap();
    }
}
