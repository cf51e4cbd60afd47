//! The dynamic section, found through its program header: section headers may be gone.

use object::{
    Endianness,
    elf::{DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_SONAME, DT_STRTAB, Dyn32, Dyn64, PT_DYNAMIC},
    pod::slice_from_bytes,
    read::elf::Dyn,
};

use super::{
    layout::Layout,
    view::{Fault, View},
};

/// Bytes of the section: 4096 entries; a program has some thirty.
const SECTION_MAX: u64 = 65_536;
/// Libraries.
const NEEDED_MAX: usize = 1024;
/// Bytes of the name of a library with its NUL. Most fit into the first.
const NAME_MAX: [u64; 2] = [64, 4096];

/// What the section says.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub(super) needed: Vec<String>,
    /// It has the name of a library (`DT_SONAME`).
    pub(super) library: bool,
    /// `DF_1_PIE`.
    pub(super) pie: bool,
}

/// Reads the section; nothing where there is none.
pub(super) fn read(view: &View<'_>, layout: &Layout) -> Result<Dynamic, Fault> {
    if layout.is_64 {
        entries::<Dyn64<Endianness>>(view, layout)
    } else {
        entries::<Dyn32<Endianness>>(view, layout)
    }
}

fn entries<D: Dyn<Endian = Endianness>>(view: &View<'_>, layout: &Layout) -> Result<Dynamic, Fault> {
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

/// A text that ends with a NUL.
fn text(view: &View<'_>, layout: &Layout, address: u64) -> Result<String, Fault> {
    for most in NAME_MAX {
        let bytes = layout.some_bytes(view, address, most)?;
        if let Some(end) = bytes.iter().position(|&b| b == 0) {
            return Ok(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned());
        }
    }
    Err(Fault::Damaged)
}
