//! What tracego knows about Go: what an executable says about itself, and what that and its command line
//! make of a process.
//!
//! ```text
//! view       a bounded look at the bytes of a file
//! layout     ELF header, program headers, section headers
//! elf        what these say: static or dynamic, PIE, stripped, packed
//! dynamic    the dynamic section
//! notes      build ids
//! packer     UPX
//! buildinfo  where Go's build information is, and its strings
//! modinfo    the text in it → Build
//! build      Build and what can be asked of it
//!
//! target     what `go run` is asked to run
//! subcommand the subcommands of the go command
//! flag_table which flags they have
//! flags      those that tracego looks at, and GOFLAGS
//! command    argv of the go command → Invocation
//! shape      what a path says about who put the file there
//! role       the names for what a process is
//! evidence   what one program start says by itself
//! task       what a process is, from its image, its arguments and who started it
//! ```
//!
//! Nothing here does input or output of its own: the bytes come through [`Source`]. The bytes are
//! untrusted. Every length is capped, the work grows with the size of what is read and not beyond
//! [`view::TOTAL_MAX`], and a file that is nearly right says what is wrong with it in
//! [`Image::damage`] instead of a guess.

mod build;
mod buildinfo;
pub mod command;
mod damage;
mod dynamic;
mod elf;
pub mod evidence;
mod flag_table;
pub mod flags;
mod layout;
mod modinfo;
mod notes;
mod packer;
mod quote;
pub mod role;
pub mod shape;
pub mod subcommand;
pub mod target;
pub mod task;
pub mod view;

use std::io;

use serde::{Deserialize, Serialize};

pub use build::{Build, Module};
pub use damage::Damage;
pub use elf::{Elf, Linkage, Machine, Packer};
pub use view::Source;

use view::{Fault, View};

/// An executable file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Image {
    /// Bytes of the file.
    pub size: u64,
    /// `process.executable.build_id.htlhash` of the OpenTelemetry conventions 1.44: 32 hexadecimal
    /// digits that stand for the first and the last 4096 bytes and the size.
    pub htlhash: String,
    /// What its ELF headers say; nothing when the file is no ELF file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<Elf>,
    /// What Go wrote into it; nothing when Go did not make the file, or what it wrote cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Build>,
    /// What could not be read, because the file is not as its format says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
}

impl Image {
    /// Bytes of memory behind the structure itself, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let elf = self.elf.as_ref().map_or(0, Elf::heap_bytes);
        let go = self.go.as_ref().map_or(0, Build::heap_bytes);
        self.htlhash.capacity() + self.damage.capacity() * size_of::<Damage>() + elf + go
    }
}

/// Reads a file that is in memory.
#[must_use]
pub fn parse(bytes: &[u8]) -> Image {
    // Memory cannot fail; what is out of its range is damage.
    read(&bytes).unwrap_or_default()
}

/// Reads a file by ranges: some ten reads of a few kilobytes, whatever its size.
///
/// # Errors
/// When the source cannot be read. A damaged file is no error, see [`Image::damage`].
pub fn read(source: &dyn Source) -> io::Result<Image> {
    let view = View::new(source)?;
    let mut image = Image { size: view.size(), htlhash: view.htlhash(), ..Image::default() };
    let mut damage = Vec::new();
    if let Some(layout) = layout::read(&view, &mut damage)? {
        let go = buildinfo::read(&view, &layout, &mut damage)?;
        image.elf = Some(elf::read(&view, &layout, &mut damage)?);
        image.go = go;
    }
    damage.sort_unstable();
    damage.dedup();
    damage.shrink_to_fit();
    image.damage = damage;
    Ok(image)
}

/// A part that is damaged is noted and takes its default; only a source that fails ends the reading.
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
