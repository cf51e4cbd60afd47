//! A place in the sources of a job.

/// A place in a file. Lines and columns count from 1; columns in characters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SourcePlace {
    /// Path relative to the root of the repository, with slashes.
    pub path: String,
    /// Line.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Column behind the last character, if that is in the same line.
    pub end_column: Option<u32>,
    /// The line, shortened.
    pub text: String,
}
