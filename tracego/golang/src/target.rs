//! The program that `go run` is asked to run.

use std::fmt;

use super::text::text;

/// The package argument of `go run` (cmd/go/internal/run/run.go, the same from Go 1.21 to 1.27).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunTarget {
    /// Source files, whose names end in `.go`.
    Files(Vec<Box<str>>),
    /// A folder (`.`, `./cmd/x`, `../x`, `/abs`), or a package whose path has no host name: from the standard
    /// library, or from a module in force with such a path.
    Local(Box<str>),
    /// An import path with a host name but no version. The go.mod in force decides where it comes from: the
    /// module itself, a required module, or nowhere.
    Resolved(Box<str>),
    /// `path@version`: independent of any go.mod in force.
    Remote {
        /// Import path.
        path: Box<str>,
        /// The text behind the `@`.
        version: ModuleVersion,
    },
    /// Not known, because the end of the command line is missing.
    Unknown,
}

/// A module version (cmd/go/internal/modload/query.go).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ModuleVersion {
    /// A complete semantic version or pseudo-version: always the same code.
    Pinned(Box<str>),
    /// A full commit hash: always the same code, but not a version of the module.
    Commit(Box<str>),
    /// A query whose result changes with time: `latest`, a branch, a tag that is no version, `v1`, `<v2.0.0`,
    /// a short hash.
    Query(Box<str>),
}

impl RunTarget {
    /// Parses the arguments behind the flags of `go run`. Returns `None` when the go command rejects them.
    #[must_use]
    pub fn of<S: AsRef<str>>(arguments: &[S]) -> Option<Self> {
        let files: Vec<&str> =
            arguments.iter().map(AsRef::as_ref).take_while(|argument| argument.ends_with(".go")).collect();
        if !files.is_empty() {
            let refused = files.iter().any(|file| file.ends_with("_test.go"));
            let mut bytes = 0_usize;
            let mut kept = |file: &str| {
                // What does not fit is there, but empty: each running process has such a list.
                let file = if bytes < FILE_BYTES { text(file) } else { Box::default() };
                bytes += file.len();
                file
            };
            return (!refused).then(|| Self::Files(files.into_iter().take(FILES).map(&mut kept).collect()));
        }
        let argument = arguments.first()?.as_ref();
        if argument.is_empty() || argument.starts_with('-') {
            return None;
        }
        Self::package(argument)
    }

    /// Parses a package argument, which `go install` takes as well.
    #[must_use]
    pub fn package(argument: &str) -> Option<Self> {
        if is_local_import(argument) || argument.starts_with('/') {
            return Some(Self::Local(text(argument)));
        }
        if let Some((path, version)) = argument.split_once('@') {
            let refused = path.is_empty() || version.is_empty() || version.contains('@');
            return (!refused)
                .then(|| Self::Remote { path: text(path), version: ModuleVersion::of(version) });
        }
        let host = argument.split('/').next().unwrap_or_default();
        let local = !host.contains('.') || host.contains("...");
        Some(if local { Self::Local(text(argument)) } else { Self::Resolved(text(argument)) })
    }
}

impl fmt::Display for RunTarget {
    /// Writes the target as on the command line, or `(unknown)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => f.write_str(&files.join(" ")),
            Self::Local(path) | Self::Resolved(path) => f.write_str(path),
            Self::Remote { path, version } => write!(f, "{path}@{}", version.as_str()),
            Self::Unknown => f.write_str(UNKNOWN),
        }
    }
}

/// The written form of [`RunTarget::Unknown`].
pub const UNKNOWN: &str = "(unknown)";

impl ModuleVersion {
    /// Classifies the text behind the `@`.
    #[must_use]
    pub fn of(version: &str) -> Self {
        let hash = matches!(version.len(), 40 | 64);
        if is_semantic(version) {
            Self::Pinned(text(version))
        } else if hash && version.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Self::Commit(text(version))
        } else {
            Self::Query(text(version))
        }
    }

    /// Returns the text as on the command line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pinned(text) | Self::Commit(text) | Self::Query(text) => text,
        }
    }
}

/// Maximum number of files kept of one `go run`.
const FILES: usize = 64;
/// Number of bytes from which on no further file is kept.
const FILE_BYTES: usize = 8192;

/// Like go/build.IsLocalImport.
fn is_local_import(path: &str) -> bool {
    path == "." || path == ".." || path.starts_with("./") || path.starts_with("../")
}

/// Like golang.org/x/mod/semver.IsValid, without the short forms `v1` and `v1.2`.
fn is_semantic(version: &str) -> bool {
    let Some(rest) = version.strip_prefix('v') else { return false };
    let (rest, build) = cut(rest, '+');
    let (core, pre) = cut(rest, '-');
    let numbers: Vec<&str> = core.split('.').collect();
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    numbers.len() == 3
        && numbers.iter().all(|number| is_number(number))
        && build.is_none_or(|build| build.split('.').all(word))
        && pre.is_none_or(|pre| {
            let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
            pre.split('.').all(|part| word(part) && (!digits(part) || is_number(part)))
        })
}

/// Returns whether a text is a number without leading zeros.
fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(front, back)| (front, Some(back)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_pinned_or_a_question() {
        for version in [
            "v1.2.3",
            "v0.0.0-20200102150405-abcdef123456",
            "v1.2.3-pre",
            "v1.2.3-0.20200102150405-abcdef123456",
            "v2.0.0+incompatible",
            "v1.2.3-rc.1",
        ] {
            assert_eq!(ModuleVersion::of(version), ModuleVersion::Pinned(version.into()));
        }
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(ModuleVersion::of(commit), ModuleVersion::Commit(commit.into()));
        for version in [
            "latest",
            "upgrade",
            "patch",
            "none",
            "main",
            "v1",
            "v1.2",
            "<v1.2.3",
            ">=v1.2.3",
            "1.2.3",
            "v1.2.3.4",
            "v01.2.3",
            "v1.2.3-01",
            "v1.2.3-",
            "v1.2.3+",
            "v1.2.x",
            "abcdef123456",
            "v",
        ] {
            assert_eq!(ModuleVersion::of(version), ModuleVersion::Query(version.into()));
        }
    }

    #[test]
    fn the_package_argument_is_taken_as_the_go_command_takes_it() {
        let local = |text: &str| Some(RunTarget::Local(text.into()));
        let resolved = |text: &str| Some(RunTarget::Resolved(text.into()));
        let remote = |path: &str, version| Some(RunTarget::Remote { path: path.into(), version });
        for (arguments, wanted) in [
            (
                &["main.go", "a.go", "x", "b.go"][..],
                Some(RunTarget::Files(vec!["main.go".into(), "a.go".into()])),
            ),
            (&["main_test.go"], None),
            (&[".", "main.go"], local(".")),
            (&["./cmd/x"], local("./cmd/x")),
            (&["../x"], local("../x")),
            (&["/abs/x"], local("/abs/x")),
            (&["./a@b"], local("./a@b")),
            (&["/a@b"], local("/a@b")),
            (&["cmd/vet"], local("cmd/vet")),
            (&["demo/cmd/x"], local("demo/cmd/x")),
            (&["./..."], local("./...")),
            (&["..."], local("...")),
            (&["example.com/x"], resolved("example.com/x")),
            (&["example.com/x@v1.0.0"], remote("example.com/x", ModuleVersion::Pinned("v1.0.0".into()))),
            (&["example.com/x@latest", "-f"], remote("example.com/x", ModuleVersion::Query("latest".into()))),
            (&["example.com/x@"], None),
            (&["@latest"], None),
            (&["-x"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(RunTarget::of(arguments), wanted, "{arguments:?}");
        }
    }

    #[test]
    fn a_target_is_written_as_it_was_given() {
        for text in ["./x", "example.com/x", "example.com/x@v1.0.0", "example.com/x@main"] {
            assert_eq!(RunTarget::package(text).unwrap().to_string(), text);
        }
        assert_eq!(RunTarget::of(&["a.go", "b.go", "c"]).unwrap().to_string(), "a.go b.go");
    }
}
