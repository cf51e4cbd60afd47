//! The facts that an executable states about itself, as members of a record.

use std::sync::Arc;

use serde::Serialize;
use tracego_golang::{Damage, Image, Inconsistency, Linkage, Packer};

use super::is_zero;

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
    pub packer: Option<Packer>,
    /// Deviations of the file from its format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
    /// The whole file, where an output has [`ImageContents`](super::reference::ImageContents).
    #[serde(skip)]
    pub image: Option<Arc<Image>>,
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
    /// Parts that the rest of the file contradicts: `version`, `modules`, `architecture`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inconsistent: Vec<Inconsistency>,
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
