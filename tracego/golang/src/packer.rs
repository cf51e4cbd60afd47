//! Detects UPX by the parts that its loader needs, not by those that are easily changed.
//!
//! A packed ELF file consists of: ELF header, program headers, `l_info`, `p_info`, blocks, the loader, and a
//! `PackHeader` at the end (src/stub/src/include/linux.h and src/packhead.cpp of UPX 4.2). The kernel maps it
//! by program headers alone, and there are no sections. Tools that hide UPX change the word `UPX!` or the
//! numbers of `p_info`, which only `upx -d` reads. The first block holds the ELF header and the program
//! headers of the original. The loader reads the header of that block, so it has to be right.

use object::{
    Endian as _,
    elf::{PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD},
};
use serde::{Deserialize, Serialize};

use super::{
    layout::{ElfHeaders, ElfSegment},
    view::View,
};

/// A packer of executables.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packer {
    /// UPX: <https://upx.github.io/>.
    Upx,
}

const WORD: &[u8] = b"UPX!";
/// Number of bytes of `l_info` and `p_info`.
const INFO: usize = 24;
/// Offset of the word in `l_info`.
const WORD_AT: usize = 4;
/// Number of bytes at the end of the file that contain the word of the `PackHeader`.
const TRAILER: usize = 64;
/// Compression methods of a block: NRV2B to NRV2E, LZMA, DEFLATE, ZSTD, BZIP2 (src/conf.h).
const METHODS: std::ops::RangeInclusive<u8> = 2..=17;
/// Maximum number of program headers of an original.
const SEGMENTS_MAX: u32 = 64;

/// Returns the packer of a file.
pub(super) fn find(view: &View<'_>, layout: &ElfHeaders) -> Option<Packer> {
    let at = usize::try_from(layout.after_segments).ok()?;
    let info = view.head().get(at..).unwrap_or_default();
    let word = info.get(WORD_AT..).is_some_and(|rest| rest.starts_with(WORD));
    let trailer = || {
        let tail = view.tail();
        let tail = tail.get(tail.len().saturating_sub(TRAILER)..).unwrap_or_default();
        tail.windows(WORD.len()).any(|window| window == WORD)
    };
    let packed = word || is_shaped(layout) && (first_block(info, layout) || trailer());
    packed.then_some(Packer::Upx)
}

/// Returns whether the segments look packed: two or three mappings, one with code from the start of the file,
/// one for the loader to fill, and no dynamic loader.
fn is_shaped(layout: &ElfHeaders) -> bool {
    let linked = layout.segments.iter().any(|s| matches!(s.kind, PT_INTERP | PT_DYNAMIC));
    let loads: Vec<_> = layout.of(PT_LOAD).collect();
    let code = |load: &&ElfSegment| load.offset == 0 && load.flags & PF_X != 0;
    let empty =
        loads.iter().any(|load| load.flags & PF_W != 0 && load.size <= 4096 && load.memory > load.size);
    !linked && (2..=3).contains(&loads.len()) && loads.iter().any(code) && empty
}

/// Returns whether a block with the headers of another program follows `p_info`.
fn first_block(info: &[u8], layout: &ElfHeaders) -> bool {
    let number = |at: usize| {
        let bytes = info.get(at..at + 4)?.try_into().ok()?;
        Some(layout.endian.read_u32(bytes))
    };
    let (Some(whole), Some(packed), Some(&method)) = (number(INFO), number(INFO + 4), info.get(INFO + 8))
    else {
        return false;
    };
    let (header, each) = if layout.is_64 { (64, 56) } else { (52, 32) };
    let headers = whole.checked_sub(header).filter(|rest| rest % each == 0).map(|rest| rest / each);
    headers.is_some_and(|count| (1..=SEGMENTS_MAX).contains(&count))
        && (1..=whole).contains(&packed)
        && METHODS.contains(&method)
}
