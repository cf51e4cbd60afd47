//! Errors of loading a bundle: the file, the problem and the remediation.

use std::{fmt, io, path::PathBuf};

use super::files::{DEPTH_MAX, FILE_MAX, FILES_MAX, NAME_MAX, TOTAL_MAX, VALUES_MAX};

/// An error of loading a bundle. The text has the bundle, the file in it and the problem, in one line.
#[derive(Debug)]
pub struct BundleError {
    /// Path of the bundle.
    pub bundle: PathBuf,
    /// File in the bundle, relative to its root; `None` if the bundle as a whole is meant.
    pub file: Option<String>,
    /// Problem.
    pub problem: BundleProblem,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.bundle.display())?;
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        // The problem may quote from the file.
        f.write_str(&printable(self.problem.to_string().as_bytes()))
    }
}

impl std::error::Error for BundleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            BundleProblem::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// A problem of a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleProblem {
    /// The operating system reported an error.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The path is neither a folder, nor an archive, nor a module.
    #[error("a bundle is a folder, a .tar.gz or .tgz, or one .rego file")]
    Kind,
    /// The archive cannot be read.
    #[error("not a complete gzip-compressed tar archive ({0}); `tar czf FILE -C FOLDER .` makes one")]
    Archive(String),
    /// There is data behind the end of the archive.
    #[error("there is data after the end of the archive; create the archive again")]
    Behind,
    /// A link, device, socket or pipe in an archive.
    #[error("is a {0} in the archive; only files and folders are allowed (`tar --dereference`)")]
    Special(&'static str),
    /// A device, socket or pipe in a folder.
    #[error("is neither a file nor a folder; remove it from the bundle")]
    NoFile,
    /// A link to a folder.
    #[error("is a link to a folder; copy the folder instead")]
    FolderLink,
    /// A link that leaves the bundle or goes in circles.
    #[error("is a link that leads nowhere or out of the bundle; copy the file instead")]
    Leaves,
    /// A name that is not allowed.
    #[error("{0}; rename it")]
    Name(&'static str),
    /// Two files have the same name.
    #[error("is in the bundle twice; keep one of them")]
    Twice,
    /// Too many files and folders.
    #[error(
        "the bundle has more than {FILES_MAX} files and folders; point at the folder of the policy alone"
    )]
    Many,
    /// A file that is too large.
    #[error("is larger than {} MiB, which is the most for a file of a bundle; split it", FILE_MAX >> 20)]
    Large,
    /// All files together are too large.
    #[error("the bundle has more than {} MiB; split it", TOTAL_MAX >> 20)]
    Total,
    /// Others than the owner can write the file.
    #[error(
        "others than its owner can write it (mode {0:03o}), and a policy decides which processes are killed: \
         chmod go-w, or allow it in the configuration"
    )]
    Writable(u32),
    /// The file is not UTF-8.
    #[error("is not UTF-8 at byte {0}; save it as UTF-8")]
    Utf8(usize),
    /// The module declares no package.
    #[error("line {0}: a module starts with `package NAME`")]
    Package(usize),
    /// The bundle has no module to evaluate.
    #[error("the bundle has no module (*.rego)")]
    Empty,
    /// The bundle is a delta bundle.
    #[error("is a patch for a bundle that OPA has loaded; make a whole bundle")]
    Delta,
    /// The manifest is not valid.
    #[error("{0}; see the manifest in OPA's documentation of bundles")]
    Manifest(String),
    /// One root lies in another.
    #[error("the roots {0:?} and {1:?} overlap; keep the shorter one")]
    Roots(String, String),
    /// A package outside the roots.
    #[error("the package {0} is outside the roots of the manifest ({1}); add it to the roots")]
    PackageOutside(String, String),
    /// Data outside the roots.
    #[error("the data at {0} is outside the roots of the manifest ({1}); add it to the roots")]
    DataOutside(String, String),
    /// Data that cannot be parsed.
    #[error("{0}")]
    Data(String),
    /// The data at the root is not an object.
    #[error("data at the root of the bundle is an object; give it a name, or move it into a folder")]
    NoObject,
    /// Two files have data at the same path.
    #[error("another file has data at {0}, too; keep one of them")]
    Overlap(String),
    /// The data has too many values.
    #[error("the data has more than {VALUES_MAX} values")]
    Values,
    /// The bundle is signed, but no key is configured.
    #[error(
        "the bundle is signed, but there is no key to check it with: configure the key, or remove the file"
    )]
    NoKey,
    /// The bundle is not signed, but a key is configured.
    #[error("the bundle is not signed, but a key is configured: sign the bundle, or remove the key")]
    NotSigned,
    /// The signature is not valid.
    #[error("{0}")]
    Signature(String),
    /// The signature has expired.
    #[error("the signature has expired ({0} s after 1970); sign the bundle again")]
    Expired(u64),
    /// The signature does not cover the file.
    #[error("is not covered by the signature; sign the bundle again, or remove the file")]
    NotCovered,
    /// The signature covers the file, but it is missing.
    #[error("is missing, although the signature covers it; restore the file, or sign the bundle again")]
    Missing,
    /// The file was changed after signing.
    #[error("was changed after the bundle was signed; restore the file, or sign the bundle again")]
    Changed,
    /// The key cannot be used.
    #[error("{0}")]
    Key(&'static str),
}

impl BundleProblem {
    /// Adds the file that has the problem.
    pub(super) fn of(self, file: &str) -> FileProblem {
        FileProblem { file: Some(file.to_owned()), problem: self }
    }
}

/// A problem and its file, before the bundle is known.
#[derive(Debug)]
pub(super) struct FileProblem {
    pub(super) file: Option<String>,
    pub(super) problem: BundleProblem,
}

impl FileProblem {
    pub(super) fn of(self, bundle: &std::path::Path) -> BundleError {
        BundleError { bundle: bundle.to_owned(), file: self.file, problem: self.problem }
    }
}

impl<P: Into<BundleProblem>> From<P> for FileProblem {
    fn from(problem: P) -> Self {
        Self { file: None, problem: problem.into() }
    }
}

/// Returns a name for display, shortened and without control characters that could affect a terminal.
pub(super) fn printable(name: &[u8]) -> String {
    let name = &name[..name.len().min(NAME_MAX)];
    String::from_utf8_lossy(name).chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Message about a name that is too deep.
pub(super) const DEEP: &str = "has more than 32 parts in its name";
const _: () = assert!(DEPTH_MAX == 32, "DEEP says so");
