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
        one_segment(&bytes, layout, segment, ids)?;
    }
    Ok(())
}

/// Reads the notes of a segment. Alignment as in binutils: 8 where the segment says so, else 4. mold puts notes of
/// both kinds into one segment of alignment 8. A note that needs 8 is as long as that already, so all are where
/// alignment 4 has them.
fn one_segment(bytes: &[u8], layout: &ElfHeaders, segment: &ElfSegment, ids: &mut Ids) -> Result<(), Fault> {
    match segment.align {
        8 => each(bytes, layout, 8, ids).or_else(|_| each(bytes, layout, 4, ids)),
        _ => each(bytes, layout, 4, ids),
    }
}

fn each(bytes: &[u8], layout: &ElfHeaders, align: u64, ids: &mut Ids) -> Result<(), Fault> {
    // The header of a note is the same in 32-bit and 64-bit files.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Sections;

    fn note(name: &[u8; 4], kind: u32, description: &[u8]) -> Vec<u8> {
        let length = description.len() as u32;
        let mut bytes = [4, length, kind].map(u32::to_le_bytes).concat();
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(description);
        bytes
    }

    /// The segment that mold 1.10 wrote for a Go program with cgo.
    #[test]
    fn notes_of_both_alignments_in_one_segment_are_read() {
        let go = b"bSMwmkPqhFgL5UhiUNnv/-KCRHWRQa5WyJzpLlta1/DM5x-E4D91fDkPBiPs-1/Ns0KGf5XjWwVVtUqt2BW";
        let mut bytes = note(b"GNU\0", 5, &[1, 0, 0, 0xc0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(note(b"GNU\0", 3, &[0xec; 20]));
        bytes.extend(note(b"GNU\0", 1, &[0; 16]));
        bytes.extend(note(b"Go\0\0", 4, go));
        let size = bytes.len() as u64;
        let segment =
            ElfSegment { kind: PT_NOTE, flags: 0, offset: 0, address: 0, size, memory: size, align: 8 };
        let layout = ElfHeaders {
            is_64: true,
            endian: Endianness::Little,
            machine: 62,
            kind: 2,
            after_segments: 0,
            segments: vec![segment],
            sections: Sections::default(),
        };
        let (source, mut ids) = (bytes.as_slice(), Ids::default());
        let read = read(&View::new(&source).unwrap(), &layout, &mut ids);
        assert!(read.is_ok());
        assert_eq!(ids.gnu.as_deref(), Some("ec".repeat(20).as_str()));
        assert_eq!(ids.go.as_deref().map(str::as_bytes), Some(&go[..]));
    }
}
