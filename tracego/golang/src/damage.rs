//! Damage in executable files.

use serde::{Deserialize, Serialize};

/// A part of a file that does not follow its format. The facts that it would have given are missing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// The ELF header behind its magic number.
    ElfHeader,
    /// The program headers.
    ProgramHeaders,
    /// The end of a segment: the file is shorter than the program headers say.
    Truncated,
    /// The section headers or their names.
    SectionHeaders,
    /// The name of the dynamic loader.
    Interpreter,
    /// The dynamic section.
    Dynamic,
    /// A note.
    Notes,
    /// The header of Go's build information.
    GoBuildInfo,
    /// The version of Go in the build information.
    GoVersion,
    /// The modules and settings in the build information.
    GoModules,
    /// The location of Go's build information: no section names it, and the search ended before the end of
    /// the data.
    GoSearch,
}

impl Damage {
    /// Returns a message for users.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::ElfHeader => "the ELF header is damaged",
            Self::ProgramHeaders => "the program headers are damaged",
            Self::Truncated => "the file ends before its segments do",
            Self::SectionHeaders => "the section headers are damaged",
            Self::Interpreter => "the name of the dynamic loader is damaged",
            Self::Dynamic => "the dynamic section is damaged",
            Self::Notes => "a note is damaged",
            Self::GoBuildInfo => "Go's build information has a damaged header",
            Self::GoVersion => "Go's version cannot be read",
            Self::GoModules => "Go's modules and settings cannot be read",
            Self::GoSearch => {
                "no section names Go's build information, and only a part of the data was searched"
            }
        }
    }
}
