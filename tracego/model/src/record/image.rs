//! What an executable says about itself, as members of a record.

use serde::Serialize;
use tracego_golang::{Damage, Linkage, Packer};

use super::is_zero;

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
    pub packer: Option<Packer>,
    /// What of the file is not as its format says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
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
