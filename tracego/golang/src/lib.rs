//! The facts about Go in an executable file and a command line: the build information of a binary, how it was linked,
//! what a `go` command was asked to do, and the role that a process plays in it.
//!
//! The crate does no input or output of its own: the bytes come through [`Source`], and a command line comes as text.
//! It knows nothing of events, processes in /proc, records or rules. The bytes are untrusted: every length is
//! capped, and the work is bounded by the bytes read, at most [`view::TOTAL_MAX`]. For a malformed file,
//! [`Image::damage`] names the damaged parts; nothing is guessed.
//!
//! ```
//! use tracego_golang::{command::Invocation, subcommand::Subcommand};
//!
//! // A file that Go did not build has no build information.
//! let image = tracego_golang::parse(b"#!/bin/sh\n");
//! assert!(image.go.is_none() && image.elf.is_none());
//!
//! let invocation = Invocation::parse(&["go", "run", "-race", "./cmd/server"], "");
//! assert_eq!(invocation.subcommand, Subcommand::Run);
//! assert_eq!(invocation.target.unwrap().to_string(), "./cmd/server");
//! ```
//!
//! ```text
//! view       bounded access to the bytes of a file
//! layout     ELF header, program headers, section headers
//! elf        linkage, PIE, stripped, packed
//! dynamic    the dynamic section
//! notes      build ids
//! packer     UPX
//! buildinfo  location of Go's build information, and its strings
//! modinfo    the text in it → Build
//! build      Build and its queries
//! inconsistency  build information that the rest of the file contradicts
//!
//! target     the package argument of `go run`
//! subcommand the subcommands of the go command
//! flag_table the flags of each subcommand
//! flags      the flags that tracego interprets, and GOFLAGS
//! command    argv of the go command → Invocation
//! linker     argv of the linker → LinkCommand
//! shape      origin of an executable, judged by its path
//! role       the names of the roles
//! evidence   facts about one process start by itself
//! task       role of a process, from its image, its arguments and its parents
//! ```

mod build;
mod buildinfo;
pub mod command;
mod damage;
mod dynamic;
mod elf;
pub mod evidence;
mod flag_table;
pub mod flags;
mod inconsistency;
mod layout;
pub mod linker;
mod modinfo;
mod notes;
mod packer;
mod quote;
pub mod role;
pub mod shape;
pub mod subcommand;
pub mod target;
pub mod task;
mod text;
pub mod view;

use std::io;

pub use build::{Build, Module};
pub use damage::Damage;
pub use elf::{Elf, Linkage, Machine};
pub use inconsistency::Inconsistency;
pub use packer::Packer;
use serde::{Deserialize, Serialize};
use view::{Fault, View};
pub use view::{FileTimes, Source};

/// An executable file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Image {
    /// Size of the file in bytes.
    pub size: u64,
    /// `process.executable.build_id.htlhash` of the OpenTelemetry conventions 1.44: 32 hexadecimal
    /// digits that stand for the first and the last 4096 bytes and the size.
    pub htlhash: String,
    /// Contents of the ELF headers; `None` when the file is not ELF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<Elf>,
    /// Go's build information; `None` when Go did not build the file or the information cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Build>,
    /// Parts that could not be read, because they do not follow the format.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
    /// Parts of the build information that the rest of the file contradicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inconsistent: Vec<Inconsistency>,
    /// Times of the file; `None` where its source has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<FileTimes>,
}

impl Image {
    /// Returns the approximate number of heap bytes behind the structure.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let elf = self.elf.as_ref().map_or(0, Elf::heap_bytes);
        let go = self.go.as_ref().map_or(0, Build::heap_bytes);
        self.htlhash.capacity()
            + self.damage.capacity() * size_of::<Damage>()
            + self.inconsistent.capacity()
            + elf
            + go
    }
}

/// Parses a file that is in memory.
#[must_use]
pub fn parse(bytes: &[u8]) -> Image {
    // Memory cannot fail; anything out of its range is reported as damage.
    read(&bytes).unwrap_or_default()
}

/// Parses a file by ranges: some ten reads of a few kilobytes, whatever its size, and for a Go program its read-only
/// data, if that has at most 8 MiB.
///
/// # Errors
/// Fails if the source cannot be read. A damaged file is no error, see [`Image::damage`].
pub fn read(source: &dyn Source) -> io::Result<Image> {
    let view = View::new(source)?;
    let mut image =
        Image { size: view.size(), htlhash: view.htlhash(), times: source.times(), ..Image::default() };
    let mut damage = Vec::new();
    if let Some(layout) = layout::read(&view, &mut damage)? {
        let info = buildinfo::read(&view, &layout, &mut damage)?;
        let elf = elf::read(&view, &layout, &mut damage)?;
        if let Some(info) = info {
            image.inconsistent = inconsistency::find(&view, &layout, &elf, &info)?;
            image.go = Some(info.build);
        }
        image.elf = Some(elf);
    }
    damage.sort_unstable();
    damage.dedup();
    damage.shrink_to_fit();
    image.damage = damage;
    Ok(image)
}

/// Notes a damaged part and returns its default. Fails only if the source fails.
fn noted<T: Default>(part: Result<T, Fault>, damage: &mut Vec<Damage>, what: Damage) -> Result<T, io::Error> {
    match part {
        Ok(part) => Ok(part),
        Err(Fault::Io(error)) => Err(error),
        Err(Fault::Damaged) => {
            damage.push(what);
            Ok(T::default())
        }
    }
}
