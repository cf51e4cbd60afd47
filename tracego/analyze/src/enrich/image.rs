//! What an executable adds to the records of its processes.

use std::sync::Arc;

use serde::Serialize;

use crate::redact as sanitize;
use tracego_golang::{Build, Elf, Image, Linkage, Module};
use tracego_model::record::{frozen::Frozen, is_zero};

/// Parts of records, made once for an image.
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
    /// Of any file.
    pub htlhash: String,
    /// By a GNU linker, or Go's since 1.24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gnu: Option<String>,
    /// By the go command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<String>,
}

/// `process.runtime.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Language {
    /// `go`.
    pub name: &'static str,
    /// `go1.27.3`.
    pub version: String,
}

/// `tracego.elf.*`: how the program was linked.
#[derive(Clone, Debug, Serialize)]
pub struct Linked {
    /// `static` or `dynamic`.
    pub linkage: Linkage,
    /// The dynamic loader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// It can be loaded at any address.
    pub pie: bool,
    /// It has no symbol table.
    pub stripped: bool,
    /// It has debug information.
    pub debug: bool,
    /// What packed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packer: Option<tracego_golang::Packer>,
    /// What of the file is not as its format says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<tracego_golang::Damage>,
}

/// `tracego.go.build.*`: what the go command wrote into the program.
#[derive(Clone, Debug, Serialize)]
pub struct GoBuild {
    /// The main package.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Its module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<GoModule>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcs: Option<GoVcs>,
    /// Modules of other packages in it; `tracego inspect` lists them.
    pub dependencies: usize,
    /// Of these, how many were replaced.
    #[serde(skip_serializing_if = "is_zero")]
    pub replaced: usize,
    /// `-trimpath`.
    pub trimpath: bool,
    /// `CGO_ENABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgo: Option<bool>,
    /// `-race`.
    pub race: bool,
    /// `-buildmode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildmode: Option<String>,
    /// `-ldflags`, unless `-trimpath` kept them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldflags: Option<String>,
    /// `-tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// `tracego.go.build.module.*`.
#[derive(Clone, Debug, Serialize)]
pub struct GoModule {
    /// Its path.
    pub path: String,
    /// Its version; `(devel)` when built from a working tree.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its sum, for a module that was downloaded.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sum: String,
}

/// `tracego.go.build.vcs.*`.
#[derive(Clone, Debug, Serialize)]
pub struct GoVcs {
    /// The system: `git`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The working tree held changes that are not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<bool>,
}

impl Described {
    /// Of an image. `raw` leaves secrets in the flags of the linker.
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
        // `-X main.token=…` is how secrets get into programs.
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

/// Images that are kept with what follows from them.
const KEPT: usize = 64;

/// The last images, the latest first.
#[derive(Debug, Default)]
pub struct Recent(Vec<(Arc<Image>, Described)>);

impl Recent {
    /// What an image adds.
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
