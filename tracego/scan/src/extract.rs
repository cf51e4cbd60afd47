//! The parts of a document that matter: commands, variables of the go command, images, and calls of other files.

use std::sync::Arc;

use crate::{setting::Setting, text::Text, word::Word};

/// Everything that one document holds.
#[derive(Debug, Default)]
pub struct Extract {
    /// Commands.
    pub commands: Vec<FoundCommand>,
    /// Variables that the go command reads.
    pub declarations: Vec<Declaration>,
    /// Images of last stages.
    pub images: Vec<BaseImage>,
    /// Calls of other files and targets.
    pub calls: Vec<Call>,
    /// Stages of images that another file uses by name.
    pub used_stages: Vec<String>,
    /// Reasons why a part could not be read.
    pub problems: Vec<String>,
}

impl Extract {
    /// Whether the document holds nothing that matters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { commands, declarations, images, calls, used_stages, problems } = self;
        commands.is_empty()
            && declarations.is_empty()
            && images.is_empty()
            && calls.is_empty()
            && used_stages.is_empty()
            && problems.is_empty()
    }
}

/// The place that a document gives to what stands in it.
#[derive(Clone, Debug)]
pub struct Context {
    /// When and where it runs.
    pub setting: Setting,
    /// Name of the part of the file that a caller can choose, such as a target or a stage.
    pub unit: Option<Arc<str>>,
    /// Folder that commands run in, relative to the root; `None` where it is not known.
    pub folder: Option<String>,
}

/// A command.
#[derive(Clone, Debug)]
pub struct FoundCommand {
    /// Words, the program first.
    pub words: Vec<Word>,
    /// Variables that are set for the command.
    pub assignments: Vec<(String, Word)>,
    /// Programs that stand in front of it, the outermost first.
    pub wrappers: Vec<String>,
    /// Whether the command was found by a guess.
    pub is_guessed: bool,
    /// Place.
    pub context: Context,
}

/// A variable that the go command reads, and its value.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Name.
    pub name: String,
    /// Value.
    pub value: Word,
    /// Place.
    pub context: Context,
}

/// The image that the last stage of a Dockerfile is based on.
#[derive(Clone, Debug)]
pub struct BaseImage {
    /// Name with its tag.
    pub name: Text,
    /// Place.
    pub context: Context,
}

/// A call of another file or target.
#[derive(Clone, Debug)]
pub struct Call {
    /// The called part.
    pub callee: Callee,
    /// Text of the call, for its place in the file.
    pub text: Text,
    /// Place of the caller.
    pub context: Context,
}

/// The name that a call has for what it calls.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Callee {
    /// Another part of the same file.
    Unit(String),
    /// Targets of make; none is the first of the file.
    Make {
        /// Folder of `-C`.
        folder: Option<String>,
        /// File of `-f`.
        file: Option<String>,
        /// Targets.
        targets: Vec<String>,
    },
    /// A script.
    Script(String),
    /// A task of a Taskfile.
    Task(String),
    /// A recipe of a justfile.
    Just(String),
    /// A script of package.json.
    Npm(String),
    /// A target of a magefile.
    Mage(String),
}
