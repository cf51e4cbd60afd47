//! The parts of records that come from the executable of a process.

use std::sync::Arc;

use serde::Serialize;

use super::{frozen::Frozen, is_zero, sanitize};
use crate::golang::{Build, Elf, Image, Linkage, Module};

/// Parts of records, created once per image.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// `process.executable.build_id.*`.
    pub build_id: Option<Arc<Frozen<BuildId>>>,
    /// `process.runtime.*`.
    pub runtime: Option<Arc<Frozen<Language>>>,
    /// `tracego.elf.*`.
    pub elf: Option<Arc<Frozen<Linked>>>,
    /// `tracego.go.build.*`.
    pub go: Option<Arc<Frozen<GoBuild>>>,
}

/// `process.executable.build_id.*`.
#[derive(Clone, Debug, Serialize)]
pub struct BuildId {
    /// Hash of the first and last 4096 bytes and the size; set for any file.
    pub htlhash: String,
    /// Build id from a GNU linker, or from Go's linker since 1.24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gnu: Option<String>,
    /// Build id from the go command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<String>,
}

/// `process.runtime.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Language {
    /// Name of the language: `go`.
    pub name: &'static str,
    /// Version, such as `go1.27.3`.
    pub version: String,
}

/// `tracego.elf.*`: the linkage of the program.
#[derive(Clone, Debug, Serialize)]
pub struct Linked {
    /// Linkage: `static` or `dynamic`.
    pub linkage: Linkage,
    /// The dynamic loader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Whether the program can be loaded at any address.
    pub pie: bool,
    /// Whether the program has no symbol table.
    pub stripped: bool,
    /// Whether the program has debug information.
    pub debug: bool,
    /// The packer that packed the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packer: Option<crate::golang::Packer>,
    /// Deviations of the file from its format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<crate::golang::Damage>,
}

/// `tracego.go.build.*`: the build information that the go command wrote into the program.
#[derive(Clone, Debug, Serialize)]
pub struct GoBuild {
    /// Path of the main package.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The main module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<GoModule>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcs: Option<GoVcs>,
    /// Number of other modules in the program; `tracego inspect` lists them.
    pub dependencies: usize,
    /// Number of the dependencies that were replaced.
    #[serde(skip_serializing_if = "is_zero")]
    pub replaced: usize,
    /// Whether `-trimpath` was set.
    pub trimpath: bool,
    /// Value of `CGO_ENABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgo: Option<bool>,
    /// Whether `-race` was set.
    pub race: bool,
    /// Value of `-buildmode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildmode: Option<String>,
    /// Value of `-ldflags`; absent if `-trimpath` kept it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldflags: Option<String>,
    /// Values of `-tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// `tracego.go.build.module.*`.
#[derive(Clone, Debug, Serialize)]
pub struct GoModule {
    /// Path of the module.
    pub path: String,
    /// Version of the module; `(devel)` when built from a working tree.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Checksum of the module, if it was downloaded.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sum: String,
}

/// `tracego.go.build.vcs.*`.
#[derive(Clone, Debug, Serialize)]
pub struct GoVcs {
    /// Version control system: `git`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Time of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether the working tree held uncommitted changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<bool>,
}

impl Described {
    /// Describes an image. With `raw`, secrets stay in the linker flags.
    #[must_use]
    pub fn of(image: &Image, raw: bool) -> Self {
        let frozen = |go: &Build| Arc::new(Frozen::from(GoBuild::of(go, raw)));
        let ids = image.elf.as_ref();
        Self {
            build_id: Some(Arc::new(Frozen::from(BuildId {
                htlhash: image.htlhash.clone(),
                gnu: ids.and_then(|elf| elf.gnu_build_id.clone()),
                go: ids.and_then(|elf| elf.go_build_id.clone()),
            }))),
            runtime: image
                .go
                .as_ref()
                .map(|go| Arc::new(Frozen::from(Language { name: "go", version: go.version.clone() }))),
            elf: image.elf.as_ref().map(|elf| Arc::new(Frozen::from(Linked::of(elf, image)))),
            go: image.go.as_ref().map(frozen),
        }
    }
}

impl Linked {
    fn of(elf: &Elf, image: &Image) -> Self {
        Self {
            linkage: elf.linkage,
            interpreter: elf.interpreter.clone(),
            pie: elf.pie,
            stripped: elf.stripped,
            debug: elf.debug,
            packer: elf.packer,
            damage: image.damage.clone(),
        }
    }
}

impl GoBuild {
    fn of(go: &Build, raw: bool) -> Self {
        let text = |value: Option<&str>| value.map(str::to_owned);
        let vcs = GoVcs {
            name: text(go.vcs()),
            revision: text(go.revision()),
            time: text(go.commit_time()),
            modified: go.modified(),
        };
        // Secrets get into programs by `-X main.token=…`.
        let mut ldflags = text(go.ldflags());
        if let Some(flags) = ldflags.as_mut().filter(|_| !raw) {
            sanitize::text(flags);
        }
        let module = |module: &Module| GoModule {
            path: module.path.clone(),
            version: module.version.clone(),
            sum: module.sum.clone(),
        };
        Self {
            path: go.path.clone(),
            module: go.main.as_ref().map(module),
            vcs: (vcs.name.is_some() || vcs.revision.is_some()).then_some(vcs),
            dependencies: go.dependencies.len(),
            replaced: go.dependencies.iter().filter(|module| module.replacement.is_some()).count(),
            trimpath: go.trimpath(),
            cgo: go.cgo(),
            race: go.race(),
            buildmode: text(go.build_mode()),
            ldflags,
            tags: go.tags().map(str::to_owned).collect(),
        }
    }
}

/// Maximum number of images that are kept with their described parts.
const KEPT: usize = 64;

/// The most recent images, the latest first.
#[derive(Debug, Default)]
pub struct Recent(Vec<(Arc<Image>, Described)>);

impl Recent {
    /// Returns the parts of records for an image.
    pub fn of(&mut self, image: &Arc<Image>, raw: bool) -> &Described {
        match self.0.iter().position(|(known, _)| Arc::ptr_eq(known, image)) {
            Some(0) => {}
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                self.0.truncate(KEPT - 1);
                self.0.insert(0, (Arc::clone(image), Described::of(image, raw)));
            }
        }
        &self.0[0].1
    }
}
