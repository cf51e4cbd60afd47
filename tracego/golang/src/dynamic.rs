//! The dynamic section, found through its program header, because section headers may be stripped.

use object::{
    Endianness,
    elf::{DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_SONAME, DT_STRTAB, Dyn32, Dyn64, PT_DYNAMIC},
    pod::slice_from_bytes,
    read::elf::Dyn,
};

use super::{
    layout::ElfHeaders,
    view::{Fault, View},
};

/// Maximum number of bytes of the section: 4096 entries; a program has some thirty.
const SECTION_MAX: u64 = 65_536;
/// Maximum number of libraries.
const NEEDED_MAX: usize = 1024;
/// Numbers of bytes to read for the name of a library with its NUL; most names fit into the first.
const NAME_MAX: [u64; 2] = [64, 4096];

/// Facts from the dynamic section.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub(super) needed: Vec<String>,
    /// Whether the file has the name of a library (`DT_SONAME`).
    pub(super) library: bool,
    /// Whether `DF_1_PIE` is set.
    pub(super) pie: bool,
}

/// Reads the section. Returns the default when there is none.
pub(super) fn read(view: &View<'_>, layout: &ElfHeaders) -> Result<Dynamic, Fault> {
    if layout.is_64 {
        entries::<Dyn64<Endianness>>(view, layout)
    } else {
        entries::<Dyn32<Endianness>>(view, layout)
    }
}

fn entries<D: Dyn<Endian = Endianness>>(view: &View<'_>, layout: &ElfHeaders) -> Result<Dynamic, Fault> {
    let mut found = Dynamic::default();
    let Some(segment) = layout.of(PT_DYNAMIC).next() else { return Ok(found) };
    let bytes = view.bytes(segment.offset, segment.size, SECTION_MAX)?;
    let (entries, _) =
        slice_from_bytes::<D>(&bytes, bytes.len() / size_of::<D>()).map_err(|()| Fault::Damaged)?;
    let (mut names, mut table) = (Vec::new(), None);
    for entry in entries {
        let value: u64 = entry.d_val(layout.endian).into();
        match entry.d_tag(layout.endian).into() {
            DT_NULL => break,
            DT_NEEDED => names.push(value),
            DT_STRTAB => table = Some(value),
            DT_SONAME => found.library = true,
            DT_FLAGS_1 => found.pie = value & u64::from(DF_1_PIE) != 0,
            _ => {}
        }
    }
    if names.len() > NEEDED_MAX {
        return Err(Fault::Damaged);
    }
    for name in names {
        let at = table.and_then(|table: u64| table.checked_add(name)).ok_or(Fault::Damaged)?;
        found.needed.push(text(view, layout, at)?);
    }
    Ok(found)
}

/// Reads a text that ends with a NUL.
fn text(view: &View<'_>, layout: &ElfHeaders, address: u64) -> Result<String, Fault> {
    for most in NAME_MAX {
        let bytes = layout.some_bytes(view, address, most)?;
        if let Some(end) = bytes.iter().position(|&b| b == 0) {
            return Ok(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned());
        }
    }
    Err(Fault::Damaged)
}
