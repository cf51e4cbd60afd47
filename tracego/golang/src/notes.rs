//! Build ids in ELF notes, found through the program headers and then through sections.
//!
//! Go's id is in `.note.go.buildid` with name `Go` and type 4 (cmd/link/internal/ld/elf.go of Go 1.27). GNU's
//! id is in `.note.gnu.build-id` with name `GNU` and type 3.

use object::{
    Endianness,
    elf::{ELF_NOTE_GNU, ELF_NOTE_GO, FileHeader64, NT_GNU_BUILD_ID, NT_GO_BUILD_ID, PT_NOTE},
    read::elf::NoteIterator,
};

use super::{
    layout::{ElfHeaders, ElfSegment},
    view::{Fault, View, hex},
};

/// Maximum number of bytes of one segment of notes.
const SEGMENT_MAX: u64 = 65_536;
/// Maximum number of segments and sections of notes; a program has up to seven.
const SEGMENTS_MAX: usize = 32;
/// Maximum number of bytes of an id: GNU's has 20, Go's some 83.
const ID_MAX: usize = 256;

/// The build ids of a file.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) gnu: Option<String>,
    pub(super) go: Option<String>,
}

/// Reads all notes up to the first damaged one; the first id of a kind counts.
pub(super) fn read(view: &View<'_>, layout: &ElfHeaders, ids: &mut Ids) -> Result<(), Fault> {
    for (n, segment) in layout.of(PT_NOTE).chain(&layout.sections.notes).enumerate() {
        if n >= SEGMENTS_MAX {
            return Err(Fault::Damaged);
        }
        let bytes = view.bytes(segment.offset, segment.size, SEGMENT_MAX)?;
        each(&bytes, layout, segment, ids)?;
    }
    Ok(())
}

fn each(bytes: &[u8], layout: &ElfHeaders, segment: &ElfSegment, ids: &mut Ids) -> Result<(), Fault> {
    // Alignment as in binutils: 8 where the segment says so, else 4. The header of a note is the same in
    // 32-bit and 64-bit files.
    let align = if segment.align == 8 { 8 } else { 4 };
    let notes = NoteIterator::<FileHeader64<Endianness>>::new(layout.endian, align, bytes);
    for note in notes.map_err(|_| Fault::Damaged)? {
        let note = note.map_err(|_| Fault::Damaged)?;
        let (kind, id) = (note.n_type(layout.endian), note.desc());
        if id.is_empty() || id.len() > ID_MAX {
            continue;
        }
        if note.name() == ELF_NOTE_GNU && kind == NT_GNU_BUILD_ID && ids.gnu.is_none() {
            ids.gnu = Some(hex(id));
        }
        if note.name() == ELF_NOTE_GO && kind == NT_GO_BUILD_ID && ids.go.is_none() {
            ids.go = Some(String::from_utf8_lossy(id).into_owned());
        }
    }
    Ok(())
}
