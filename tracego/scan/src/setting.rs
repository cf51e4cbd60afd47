//! The place that a command has in a source tree.

/// The time and place at which a command of a file runs, as far as the file says so.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Setting {
    /// Production: the command of an image, a unit, a pod.
    Production,
    /// A CI job.
    Ci,
    /// The build of an image.
    ImageBuild,
    /// The build of an image whose last stage has no command of its own.
    ImageWithoutCommand,
    /// A stage of an image that neither the last stage nor another file uses.
    UnusedStage,
    /// A file that says nothing about the place, such as a Makefile. Callers decide.
    Open,
    /// Go source that is no test.
    Program,
    /// A test, a hook before a commit, or a script of another language.
    Helper,
    /// A line of `go generate`.
    Generate,
    /// A developer's machine alone.
    Developer,
    /// The text of a document.
    Document,
}

impl Setting {
    /// Returns the description of the place, as a part of a sentence.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Production | Self::Program => " in production",
            Self::Ci => " in a CI job",
            Self::ImageBuild => " while an image is built",
            Self::ImageWithoutCommand => " at the end of an image that has no command of its own",
            Self::UnusedStage => " in a stage that is not the last",
            Self::Generate => " by go generate",
            Self::Open | Self::Helper | Self::Developer | Self::Document => "",
        }
    }

    /// Returns the name, as reports have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Ci => "ci",
            Self::ImageBuild => "image-build",
            Self::ImageWithoutCommand => "image-without-command",
            Self::UnusedStage => "unused-stage",
            Self::Open => "open",
            Self::Program => "program",
            Self::Helper => "helper",
            Self::Generate => "generate",
            Self::Developer => "developer",
            Self::Document => "document",
        }
    }

    /// Whether a caller decides the place.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open)
    }
}
