//! The headers of an ELF file, for both word sizes and both byte orders.
//!
//! Format: <https://gabi.xinuos.com/>. The kernel runs a file by its program headers alone. A missing or
//! damaged section table therefore costs only the facts that it would have given.

use std::io;

use object::{
    Endianness,
    elf::{self, FileHeader32, FileHeader64},
    pod::{from_bytes, slice_from_bytes},
    read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _},
};

use super::{
    Damage, noted,
    view::{Fault, View},
};

/// Maximum number of bytes of program headers: the kernel refuses files with more (`load_elf_phdrs`).
const PROGRAM_HEADERS_MAX: u64 = 65_536;
/// Maximum number of bytes of section headers: 16,384 headers; an executable has some forty.
const SECTION_HEADERS_MAX: u64 = 1 << 20;
/// Maximum number of bytes of section names. A linker may put symbol names among them.
const NAMES_MAX: u64 = 1 << 20;

/// A segment: a part that the kernel maps, or the location of some data.
#[derive(Clone, Copy, Debug)]
pub(super) struct ElfSegment {
    /// Type, one of `PT_*`.
    pub(super) kind: u32,
    /// Flags, a set of `PF_*`.
    pub(super) flags: u32,
    pub(super) offset: u64,
    pub(super) address: u64,
    /// Size in the file in bytes.
    pub(super) size: u64,
    /// Size in memory in bytes.
    pub(super) memory: u64,
    pub(super) align: u64,
}

/// Maximum number of note sections; a program has up to four.
const NOTES_MAX: usize = 16;

/// The place of a section in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct SectionRange {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// Facts that only sections give, not program headers.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// Whether the file has sections.
    pub(super) present: bool,
    /// Whether a symbol table exists.
    pub(super) symbols: bool,
    /// Whether DWARF debug information exists.
    pub(super) debug: bool,
    /// Address and size of `.go.buildinfo`.
    pub(super) build_info: Option<(u64, u64)>,
    /// Place of `.rodata`.
    pub(super) read_only: Option<SectionRange>,
    /// Place of `.gopclntab`, Go's tables of functions.
    pub(super) tables: Option<SectionRange>,
    /// Note sections, as segments: Go's own linker leaves GNU's id out of the program header.
    pub(super) notes: Vec<ElfSegment>,
}

/// The headers of an ELF file.
#[derive(Debug)]
pub(super) struct ElfHeaders {
    pub(super) is_64: bool,
    pub(super) endian: Endianness,
    /// Processor, one of `EM_*`.
    pub(super) machine: u16,
    /// File type, one of `ET_*`.
    pub(super) kind: u16,
    /// Offset of the first byte behind the program headers.
    pub(super) after_segments: u64,
    pub(super) segments: Vec<ElfSegment>,
    pub(super) sections: Sections,
}

impl ElfHeaders {
    pub(super) fn of(&self, kind: u32) -> impl Iterator<Item = &ElfSegment> {
        self.segments.iter().filter(move |segment| segment.kind == kind)
    }

    /// Returns the file offset of an address, and the number of bytes that follow in its segment.
    pub(super) fn locate(&self, address: u64) -> Option<(u64, u64)> {
        self.of(elf::PT_LOAD).find_map(|load| {
            let inside = address.checked_sub(load.address)?;
            let left = load.size.checked_sub(inside).filter(|&left| left > 0)?;
            Some((load.offset.checked_add(inside)?, left))
        })
    }

    /// Reads `length` bytes at an address, within one segment.
    pub(super) fn bytes(
        &self,
        view: &View<'_>,
        address: u64,
        length: u64,
        most: u64,
    ) -> Result<Vec<u8>, Fault> {
        let (offset, left) = self.locate(address).ok_or(Fault::Damaged)?;
        if length > left { Err(Fault::Damaged) } else { view.bytes(offset, length, most) }
    }

    /// Reads up to `length` bytes at an address; fewer where its segment or the file ends.
    pub(super) fn some_bytes(&self, view: &View<'_>, address: u64, length: u64) -> Result<Vec<u8>, Fault> {
        let (offset, left) = self.locate(address).ok_or(Fault::Damaged)?;
        let length = length.min(left).min(view.size().saturating_sub(offset));
        view.bytes(offset, length, length)
    }
}

/// Reads the headers. Returns `None` when the file is not ELF.
pub(super) fn read(view: &View<'_>, damage: &mut Vec<Damage>) -> io::Result<Option<ElfHeaders>> {
    let head = view.head();
    if !head.starts_with(&elf::ELFMAG) {
        return Ok(None);
    }
    // EI_CLASS and EI_DATA; the kernel ignores EI_VERSION.
    let endian = match head.get(5) {
        Some(1) => Endianness::Little,
        Some(2) => Endianness::Big,
        _ => return noted(Err(Fault::Damaged), damage, Damage::ElfHeader),
    };
    match head.get(4) {
        Some(1) => headers::<FileHeader32<Endianness>>(view, endian, damage),
        Some(2) => headers::<FileHeader64<Endianness>>(view, endian, damage),
        _ => noted(Err(Fault::Damaged), damage, Damage::ElfHeader),
    }
}

fn headers<H: FileHeader<Endian = Endianness>>(
    view: &View<'_>,
    endian: Endianness,
    damage: &mut Vec<Damage>,
) -> io::Result<Option<ElfHeaders>> {
    let Ok((header, _)) = from_bytes::<H>(view.head()) else {
        return noted(Err(Fault::Damaged), damage, Damage::ElfHeader);
    };
    let length = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
    let segments = noted(segments(view, header, endian), damage, Damage::ProgramHeaders)?;
    let whole = |load: &ElfSegment| load.offset.checked_add(load.size).is_some_and(|end| end <= view.size());
    if !segments.iter().filter(|segment| segment.kind == elf::PT_LOAD).all(whole) {
        damage.push(Damage::Truncated);
    }
    Ok(Some(ElfHeaders {
        is_64: header.is_type_64(),
        endian,
        machine: header.e_machine(endian),
        kind: header.e_type(endian),
        after_segments: header.e_phoff(endian).into().saturating_add(length),
        segments,
        sections: noted(sections(view, header, endian), damage, Damage::SectionHeaders)?,
    }))
}

fn segments<H: FileHeader<Endian = Endianness>>(
    view: &View<'_>,
    header: &H,
    endian: Endianness,
) -> Result<Vec<ElfSegment>, Fault> {
    let count = header.e_phnum(endian);
    if count == 0 {
        return Ok(Vec::new());
    }
    let each = size_of::<H::ProgramHeader>();
    if usize::from(header.e_phentsize(endian)) != each {
        return Err(Fault::Damaged);
    }
    let length = u64::from(count) * each as u64;
    let bytes = view.bytes(header.e_phoff(endian).into(), length, PROGRAM_HEADERS_MAX)?;
    let (headers, _) =
        slice_from_bytes::<H::ProgramHeader>(&bytes, count.into()).map_err(|()| Fault::Damaged)?;
    let segment = |header: &H::ProgramHeader| ElfSegment {
        kind: header.p_type(endian),
        flags: header.p_flags(endian),
        offset: header.p_offset(endian).into(),
        address: header.p_vaddr(endian).into(),
        size: header.p_filesz(endian).into(),
        memory: header.p_memsz(endian).into(),
        align: header.p_align(endian).into(),
    };
    Ok(headers.iter().map(segment).collect())
}

fn sections<H: FileHeader<Endian = Endianness>>(
    view: &View<'_>,
    header: &H,
    endian: Endianness,
) -> Result<Sections, Fault> {
    let at: u64 = header.e_shoff(endian).into();
    let each = size_of::<H::SectionHeader>();
    if at == 0 {
        return Ok(Sections::default());
    }
    if usize::from(header.e_shentsize(endian)) != each {
        // Some strippers leave a table of zero sections of zero bytes.
        let none = header.e_shnum(endian) == 0 && header.e_shentsize(endian) == 0;
        return if none { Ok(Sections::default()) } else { Err(Fault::Damaged) };
    }
    let table = |count: u64| {
        let length = count.checked_mul(each as u64).ok_or(Fault::Damaged)?;
        view.bytes(at, length, SECTION_HEADERS_MAX)
    };
    let (mut count, mut names) = (u64::from(header.e_shnum(endian)), u32::from(header.e_shstrndx(endian)));
    if count == 0 || names == u32::from(elf::SHN_XINDEX) {
        // Numbers that do not fit into the header are stored in the first section.
        let first = table(1)?;
        let (first, _) = from_bytes::<H::SectionHeader>(&first).map_err(|()| Fault::Damaged)?;
        count = if count == 0 { first.sh_size(endian).into() } else { count };
        names = if names == u32::from(elf::SHN_XINDEX) { first.sh_link(endian) } else { names };
    }
    let bytes = table(count)?;
    let count = usize::try_from(count).map_err(|_| Fault::Damaged)?;
    let (headers, _) = slice_from_bytes::<H::SectionHeader>(&bytes, count).map_err(|()| Fault::Damaged)?;
    let Some(names) = headers.get(names as usize).filter(|_| names != 0) else {
        return if headers.is_empty() { Ok(Sections::default()) } else { Err(Fault::Damaged) };
    };
    let length = names.sh_size(endian).into();
    let names = view.bytes(names.sh_offset(endian).into(), length.min(NAMES_MAX), NAMES_MAX)?;
    let mut found = Sections { present: true, ..Sections::default() };
    for section in headers {
        let name = names.get(section.sh_name(endian) as usize..).unwrap_or_default();
        let is = |wanted: &[u8]| name.starts_with(wanted);
        found.symbols |= section.sh_type(endian) == elf::SHT_SYMTAB;
        if section.sh_type(endian) == elf::SHT_NOTE && found.notes.len() < NOTES_MAX {
            let size = section.sh_size(endian).into();
            found.notes.push(ElfSegment {
                kind: elf::PT_NOTE,
                flags: 0,
                offset: section.sh_offset(endian).into(),
                address: section.sh_addr(endian).into(),
                size,
                memory: size,
                align: section.sh_addralign(endian).into(),
            });
        }
        found.debug |= is(b".debug_info\0") || is(b".zdebug_info\0");
        let place =
            SectionRange { offset: section.sh_offset(endian).into(), size: section.sh_size(endian).into() };
        if found.read_only.is_none() && is(b".rodata\0") {
            found.read_only = Some(place);
        }
        if found.tables.is_none() && (is(b".gopclntab\0") || is(b".data.rel.ro.gopclntab\0")) {
            found.tables = Some(place);
        }
        if found.build_info.is_none() && is(b".go.buildinfo\0") {
            found.build_info = Some((section.sh_addr(endian).into(), section.sh_size(endian).into()));
        }
    }
    Ok(found)
}
