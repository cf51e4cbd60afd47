//! A program: its executable, where it ran, and the modules in it.

use std::collections::BTreeSet;

use tracego_golang::{Build, Damage, Image, Inconsistency, Module};

/// Maximum number of runs of a program that are named; all are counted.
pub const OCCURRENCES_MAX: usize = 20;

/// Maximum number of hosts, of containers and of jobs of a program that are named.
pub const PLACES_MAX: usize = 1000;

/// A run of a program, or the place of a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Occurrence {
    /// Path of the executable.
    pub path: String,
    /// Process id; `None` for a file that was given.
    pub pid: Option<u32>,
    /// Id of the CI job; empty without one.
    pub job: String,
    /// Name of the host; empty if the record does not say it.
    pub host: String,
    /// Id of the container, with the names that Kubernetes has for it; empty without one.
    pub container: String,
}

/// The places that a program ran in, also those of runs that are not named.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProgramPlaces {
    /// Names of hosts.
    pub hosts: BTreeSet<String>,
    /// Containers.
    pub containers: BTreeSet<String>,
    /// Ids of CI jobs.
    pub jobs: BTreeSet<String>,
    /// Whether there are more than are named.
    pub has_more: bool,
}

/// The identity of a file in its file system.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileIdentity {
    /// Inode number.
    pub inode: u64,
    /// Time of the last change of the inode, in RFC 3339.
    pub ctime: String,
    /// Short hash of the content (`htlhash`).
    pub htlhash: String,
}

/// The modules in a program, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub enum ModuleList {
    /// All modules.
    Known(Vec<Module>),
    /// The number of modules alone, as records have it.
    Counted(usize),
    /// Go recorded none, or they cannot be read.
    Unavailable,
}

/// The facts that the go command wrote into a program.
#[derive(Clone, Debug, PartialEq)]
pub struct GoProgram {
    /// Version of Go, such as `go1.27.3`; empty if it is not known.
    pub version: String,
    /// Import path of the main package.
    pub package: String,
    /// Module of the main package.
    pub main: Option<Module>,
    /// Modules of the other packages.
    pub modules: ModuleList,
    /// Commit of the main module.
    pub revision: Option<String>,
    /// Whether the working tree had uncommitted changes.
    pub modified: Option<bool>,
    /// Whether the rest of the file contradicts the version or the modules.
    pub is_contradicted: bool,
    /// Whether C code may be in the program, or libraries of C be loaded.
    pub may_have_c: bool,
}

/// The kind of a program.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgramKind {
    /// A Go program.
    Go(Box<GoProgram>),
    /// A program of another language, or one without build information of Go.
    Other,
    /// An executable that nobody could read.
    Unread,
}

/// A program of an inventory.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedProgram {
    /// SHA-256 of the executable in hexadecimal digits.
    pub sha256: Option<String>,
    /// Whether records say that the digest may be of other bytes than those that ran.
    pub is_unproven: bool,
    /// Identity of the executable, if a record says it.
    pub identity: Option<FileIdentity>,
    /// Kind and contents.
    pub kind: ProgramKind,
    /// Number of runs; 0 for a file that was given.
    pub starts: u64,
    /// The first runs, or the places of the file.
    pub occurrences: Vec<Occurrence>,
    /// Places of all runs.
    pub places: ProgramPlaces,
}

impl ProgramPlaces {
    /// Adds the places of a run. Returns the number of new ones.
    pub(crate) fn add(&mut self, run: &Occurrence) -> usize {
        let places = [
            (&mut self.hosts, &run.host),
            (&mut self.containers, &run.container),
            (&mut self.jobs, &run.job),
        ];
        let mut added = 0;
        for (named, place) in places {
            if place.is_empty() || named.contains(place) {
            } else if named.len() < PLACES_MAX {
                named.insert(place.clone());
                added += 1;
            } else {
                self.has_more = true;
            }
        }
        added
    }

    /// Adds the places of other runs of the program.
    pub(crate) fn join(&mut self, other: Self) {
        self.has_more |= other.has_more;
        for (named, more) in [
            (&mut self.hosts, other.hosts),
            (&mut self.containers, other.containers),
            (&mut self.jobs, other.jobs),
        ] {
            for place in more {
                if named.len() < PLACES_MAX || named.contains(&place) {
                    named.insert(place);
                } else {
                    self.has_more = true;
                }
            }
        }
    }

    /// Returns all places with a name of their kind: `host`, `container` or `job`.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let kinds = [("host", &self.hosts), ("container", &self.containers), ("job", &self.jobs)];
        kinds.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name.as_str())))
    }
}

impl Occurrence {
    /// Returns pid, job, container and host of a run in one text; `None` for a file.
    pub(crate) fn context(&self) -> Option<String> {
        let mut text = format!("pid {}", self.pid?);
        for (kind, place) in [("job", &self.job), ("container", &self.container), ("host", &self.host)] {
            if !place.is_empty() {
                text.push_str(&format!(", {kind} {place}"));
            }
        }
        Some(text)
    }
}

impl ListedProgram {
    /// Returns the path of the executable.
    #[must_use]
    pub fn path(&self) -> &str {
        self.occurrences.first().map_or("", |occurrence| &occurrence.path)
    }

    /// Returns the facts about Go.
    #[must_use]
    pub fn go(&self) -> Option<&GoProgram> {
        match &self.kind {
            ProgramKind::Go(go) => Some(go),
            ProgramKind::Other | ProgramKind::Unread => None,
        }
    }

    /// Whether the list of modules is missing, although the program is one of Go or may be.
    #[must_use]
    pub fn lacks_modules(&self) -> bool {
        match &self.kind {
            ProgramKind::Go(go) => !matches!(go.modules, ModuleList::Known(_)),
            ProgramKind::Other => false,
            ProgramKind::Unread => true,
        }
    }

    /// Adds a run to those that are named; only the first ones are.
    pub(crate) fn add_occurrence(&mut self, occurrence: Occurrence) {
        if self.occurrences.len() < OCCURRENCES_MAX && !self.occurrences.contains(&occurrence) {
            self.occurrences.push(occurrence);
        }
    }
}

impl ProgramKind {
    /// Returns the kind of an executable file.
    #[must_use]
    pub fn of_image(image: &Image) -> Self {
        let part = [Damage::GoBuildInfo, Damage::GoVersion, Damage::GoSearch, Damage::GoModules];
        let is_damaged = image.damage.iter().any(|damage| part.contains(damage));
        match &image.go {
            Some(build) => Self::Go(Box::new(GoProgram::of_build(build, image, is_damaged))),
            None if is_damaged || image.elf.as_ref().is_some_and(|elf| elf.packer.is_some()) => Self::Unread,
            None => Self::Other,
        }
    }
}

impl GoProgram {
    fn of_build(build: &Build, image: &Image, is_damaged: bool) -> Self {
        // Without a path Go recorded no modules: the list is not empty, but missing.
        let is_known = !is_damaged && !build.path.is_empty();
        let contradicts = |part: &Inconsistency| *part != Inconsistency::Architecture;
        let is_static = image.elf.as_ref().is_some_and(|elf| elf.needed.is_empty());
        Self {
            version: build.version.clone(),
            package: build.path.clone(),
            main: build.main.clone(),
            modules: if is_known {
                ModuleList::Known(build.dependencies.clone())
            } else {
                ModuleList::Unavailable
            },
            revision: build.revision().map(str::to_owned),
            modified: build.modified(),
            is_contradicted: image.inconsistent.iter().any(contradicts),
            may_have_c: build.cgo() != Some(false) || !is_static,
        }
    }

    /// Returns the name of the program: its main module, else its main package.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.main {
            Some(main) if !main.path.is_empty() => &main.path,
            _ => &self.package,
        }
    }

    /// Whether the program is a part of Go itself.
    #[must_use]
    pub fn is_toolchain(&self) -> bool {
        self.main.as_ref().is_none_or(|main| main.path == "cmd") && self.package.starts_with("cmd/")
    }

    /// Returns the version of Go as the module `stdlib` has it: `1.27.3` for `go1.27.3 X:nocoverageredesign`.
    #[must_use]
    pub fn stdlib_version(&self) -> Option<&str> {
        let version = self.version.split_whitespace().next()?.strip_prefix("go")?;
        version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
    }
}

/// Returns the module that was built: what replaced it, or itself.
#[must_use]
pub fn built(module: &Module) -> &Module {
    module.replacement.as_deref().unwrap_or(module)
}

/// Whether the path of a module is that of a folder: a `replace` line of go.mod leads there.
#[must_use]
pub fn is_folder(path: &str) -> bool {
    path.starts_with(['.', '/']) || path.contains('\\') || path.get(1..3) == Some(":/")
}

/// Returns the version of a module; `None` where it was built from a working tree or a folder.
#[must_use]
pub fn version(module: &Module) -> Option<&str> {
    Some(module.version.as_str()).filter(|version| !version.is_empty() && *version != "(devel)")
}
