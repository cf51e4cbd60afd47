//! The subcommands of the go command.

/// A subcommand of the go command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subcommand {
    /// `go run`.
    Run,
    /// `go test`.
    Test,
    /// `go build`.
    Build,
    /// `go install`.
    Install,
    /// `go generate`.
    Generate,
    /// `go tool`.
    Tool,
    /// `go vet`.
    Vet,
    /// `go fix`.
    Fix,
    /// `go get`.
    Get,
    /// `go mod`.
    Mod,
    /// `go work`.
    Work,
    /// `go env`.
    Env,
    /// `go version`.
    Version,
    /// `go list`.
    List,
    /// `go clean`.
    Clean,
    /// `go fmt`.
    Fmt,
    /// `go doc`.
    Doc,
    /// `go bug`.
    Bug,
    /// `go telemetry`, Go 1.23 and later.
    Telemetry,
    /// `go help`, or any command line that prints the help text.
    Help,
    /// The process that the go command of Go 1.23 and later starts beside itself to send telemetry
    /// (golang.org/x/telemetry/start.go).
    Sidecar,
    /// A word that is no subcommand of Go up to 1.27.
    Unknown(Box<str>),
}

impl Subcommand {
    /// All subcommands with a fixed name.
    pub const ALL: [Self; 19] = [
        Self::Run,
        Self::Test,
        Self::Build,
        Self::Install,
        Self::Generate,
        Self::Tool,
        Self::Vet,
        Self::Fix,
        Self::Get,
        Self::Mod,
        Self::Work,
        Self::Env,
        Self::Version,
        Self::List,
        Self::Clean,
        Self::Fmt,
        Self::Doc,
        Self::Bug,
        Self::Telemetry,
    ];

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// Returns the word on the command line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Run => "run",
            Self::Test => "test",
            Self::Build => "build",
            Self::Install => "install",
            Self::Generate => "generate",
            Self::Tool => "tool",
            Self::Vet => "vet",
            Self::Fix => "fix",
            Self::Get => "get",
            Self::Mod => "mod",
            Self::Work => "work",
            Self::Env => "env",
            Self::Version => "version",
            Self::List => "list",
            Self::Clean => "clean",
            Self::Fmt => "fmt",
            Self::Doc => "doc",
            Self::Bug => "bug",
            Self::Telemetry => "telemetry",
            Self::Help => "help",
            Self::Sidecar => SIDECAR,
            Self::Unknown(word) => word,
        }
    }
}

/// The only argument of [`Subcommand::Sidecar`].
pub(super) const SIDECAR: &str = "** telemetry **";
