//! The parts of a document that matter: commands, variables of the go command, images, and calls of other files.

use std::{collections::HashSet, sync::Arc};

use crate::{kind::DocumentKind, setting::Setting, text::Text, word::Word, written_file::WrittenFile};

/// Number of bytes of scripts and words that are read of one file, with those that expansions make and that stand in several
/// scripts.
const MAX_READ: usize = 8 << 20;

/// Maximum number of files that one file includes.
const MAX_INCLUSIONS: usize = 256;

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
    /// Builds of images.
    pub image_builds: Vec<ImageBuild>,
    /// Stages without a command of their own, each with the stage whose command it inherits.
    pub inherited_commands: Vec<(String, Option<String>)>,
    /// Files that this one includes.
    pub inclusions: Vec<Inclusion>,
    /// Names of parts that stand for several, such as the target `run-%` of make.
    pub patterns: Vec<String>,
    /// Units and crontabs that scripts write, which are not read yet.
    pub written: Vec<(WrittenFile, Text)>,
    /// Reasons why a part could not be read.
    pub problems: Vec<String>,
    /// Number of bytes that were read.
    read: usize,
    /// Calls that are in `calls`.
    seen: HashSet<(Callee, Option<Arc<str>>, Setting)>,
}

impl Extract {
    /// Counts bytes that are about to be read. Returns whether the file has not had too many; if it has, that is a problem.
    pub fn spend(&mut self, bytes: usize) -> bool {
        let before = self.read;
        self.read = before.saturating_add(bytes).saturating_add(1);
        if before < MAX_READ && self.read >= MAX_READ {
            self.skip("its commands expand to too much; some of them are not looked at");
        }
        self.read < MAX_READ
    }

    /// Notes once that a part is not looked at.
    pub fn skip(&mut self, reason: &str) {
        if !self.problems.iter().any(|problem| problem == reason) {
            self.problems.push(reason.to_owned());
        }
    }

    /// Adds a call, unless it is there already.
    pub fn call(&mut self, callee: Callee, place: Option<u32>, context: &Context) {
        if self.spend(64) && self.seen.insert((callee.clone(), context.unit.clone(), context.setting)) {
            self.calls.push(Call { callee, place, context: context.clone() });
        }
    }

    /// Adds a file that this one includes.
    pub fn include(&mut self, inclusion: Inclusion) {
        if self.inclusions.len() < MAX_INCLUSIONS && !self.inclusions.contains(&inclusion) {
            self.inclusions.push(inclusion);
        }
    }

    /// Adds a unit or a crontab that a script writes.
    pub fn write(&mut self, kind: WrittenFile, content: &Text) {
        if self.written.len() < MAX_INCLUSIONS && self.spend(content.len()) {
            self.written.push((kind, content.clone()));
        }
    }

    /// Adds the build of an image.
    pub fn add_build(&mut self, build: ImageBuild) {
        if self.image_builds.len() < MAX_INCLUSIONS {
            self.image_builds.push(build);
        }
    }

    /// Adds the name of a part that stands for several.
    pub fn add_pattern(&mut self, pattern: &str) {
        if self.patterns.len() < MAX_INCLUSIONS && !self.patterns.iter().any(|own| own == pattern) {
            self.patterns.push(pattern.to_owned());
        }
    }

    /// Whether the document holds nothing that matters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { commands, declarations, images, calls, image_builds, inclusions, problems, .. } = self;
        commands.is_empty()
            && declarations.is_empty()
            && images.is_empty()
            && calls.is_empty()
            && image_builds.is_empty()
            && inclusions.is_empty()
            && problems.is_empty()
    }
}

/// The place that a document gives to what stands in it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Time and place of the execution.
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

/// A build of an image.
#[derive(Clone, Debug)]
pub struct ImageBuild {
    /// Dockerfile, if another than that of the folder is named.
    pub file: Option<String>,
    /// Folder of the context.
    pub folder: String,
    /// Stage that is built; `None` is the last.
    pub target: Option<String>,
}

/// A file that another one includes, and is read as it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inclusion {
    /// Path relative to the folder of the file or to the root; `*` and `**` stand for any name.
    pub path: String,
    /// Kind, whatever the path says.
    pub kind: DocumentKind,
}

/// A call of another file or target.
#[derive(Clone, Debug)]
pub struct Call {
    /// The called part.
    pub callee: Callee,
    /// Place of the call in the file; `None` if it is no text of it.
    pub place: Option<u32>,
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
    Npm {
        /// Folder of the file, if an option names it.
        folder: Option<String>,
        /// Name.
        name: String,
    },
    /// A target of a magefile.
    Mage(String),
    /// A task of mise.
    Mise(String),
}
