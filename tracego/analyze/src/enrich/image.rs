//! The parts of records that come from the executable of a process.

use std::sync::Arc;

use tracego_golang::{Build, Elf, Image, Module};
use tracego_model::record::{
    frozen::Frozen,
    image::{BuildId, GoBuild, GoModule, GoVcs, Language, Linked},
};

/// Parts of records, created once per image.
#[derive(Clone, Debug, Default)]
pub struct ImageParts {
    /// `process.executable.build_id.*`.
    pub build_id: Option<Arc<Frozen<BuildId>>>,
    /// `process.runtime.*`.
    pub runtime: Option<Arc<Frozen<Language>>>,
    /// `tracego.elf.*`.
    pub elf: Option<Arc<Frozen<Linked>>>,
    /// `tracego.go.build.*`.
    pub go: Option<Arc<Frozen<GoBuild>>>,
}

impl ImageParts {
    /// Describes an image. `is_kept`: whether outputs have the whole image.
    #[must_use]
    pub fn of(image: &Arc<Image>, is_kept: bool) -> Self {
        let frozen = |go: &Build| Arc::new(Frozen::from(go_build(go, image)));
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
            elf: image.elf.as_ref().map(|elf| {
                Arc::new(Frozen::from(Linked {
                    image: is_kept.then(|| Arc::clone(image)),
                    ..linked(elf, image)
                }))
            }),
            go: image.go.as_ref().map(frozen),
        }
    }
}

/// Returns how a program was linked.
fn linked(elf: &Elf, image: &Image) -> Linked {
    Linked {
        linkage: elf.linkage,
        interpreter: elf.interpreter.clone(),
        pie: elf.pie,
        stripped: elf.stripped,
        debug: elf.debug,
        packer: elf.packer,
        damage: image.damage.clone(),
        image: None,
    }
}

/// Returns what the go command wrote into a program.
fn go_build(go: &Build, image: &Image) -> GoBuild {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let vcs = GoVcs {
        name: text(go.vcs()),
        revision: text(go.revision()),
        time: text(go.commit_time()),
        modified: go.modified(),
    };
    let module = |module: &Module| GoModule {
        path: module.path.clone(),
        version: module.version.clone(),
        sum: module.sum.clone(),
    };
    GoBuild {
        path: go.path.clone(),
        module: go.main.as_ref().map(module),
        vcs: (vcs.name.is_some() || vcs.revision.is_some()).then_some(vcs),
        dependencies: go.dependencies.len(),
        replaced: go.dependencies.iter().filter(|module| module.replacement.is_some()).count(),
        trimpath: go.trimpath(),
        cgo: go.cgo(),
        race: go.race(),
        buildmode: text(go.build_mode()),
        ldflags: text(go.ldflags()),
        tags: go.tags().map(str::to_owned).collect(),
        inconsistent: image.inconsistent.clone(),
    }
}
