//! What is wrong with a file.

use serde::{Deserialize, Serialize};

/// A part of a file that is not as its format says. What it would have told is absent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// It starts like an ELF file and goes on as none.
    ElfHeader,
    /// Program headers.
    ProgramHeaders,
    /// The file ends before what the program headers want of it.
    Truncated,
    /// Section headers or their names.
    SectionHeaders,
    /// The name of the dynamic loader.
    Interpreter,
    /// The dynamic section.
    Dynamic,
    /// A note.
    Notes,
    /// The header of Go's build information.
    GoBuildInfo,
    /// Go's version in it.
    GoVersion,
    /// Modules and settings in it.
    GoModules,
    /// The search for Go's build information ended before the end of the data: nothing says where it is.
    GoSearch,
}

impl Damage {
    /// For people.
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
