//! Finds Go's build information in a file, and reads the two texts in it.
//!
//! ```text
//!  0  \xff " Go buildinf:"       14 bytes, at an address that is a multiple of 16
//! 14  bytes of a pointer         used only before Go 1.18
//! 15  flags: 1 big-endian, 2 inline
//! 16  Go 1.13 to 1.17: pointers to the Go strings of version and modules
//! 32  since Go 1.18: version and modules, each behind its length as a varint
//! ```
//!
//! debug/buildinfo of Go 1.27.3 reads only the section `.go.buildinfo`; up to Go 1.26 it fell back to the
//! first writable segment. This reader tries the section first and then every writable segment, because a PIE
//! has two of them and `sstrip` removes all sections. A file with other sections but without this one is
//! hardly Go's, so only the start of each segment is searched, as Go did.

use std::io;

use object::elf::{PF_W, PT_LOAD};

use super::{
    Build, Damage,
    layout::ElfHeaders,
    modinfo,
    view::{Fault, View},
};

const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
const ALIGN: u64 = 16;
const HEADER: u64 = 32;
const BIG_ENDIAN: u8 = 1;
const INLINE: u8 = 2;

/// Maximum number of bytes of a version: `devel go1.28-0123456789 Thu Jan 1 … X:experiments`.
const VERSION_MAX: u64 = 1024;
/// Maximum number of bytes of modules and settings, including their frame.
const MODULES_MAX: u64 = 1 << 20;
/// Maximum number of bytes searched in a file without sections.
const SEARCH_MAX: u64 = 8 << 20;
/// Maximum number of bytes searched per segment in a file with sections but without this one.
const START_MAX: u64 = 64 << 10;
/// Number of bytes searched at a time; a multiple of [`ALIGN`].
const CHUNK: usize = 64 << 10;
/// Number of false finds before the search is given up.
const FINDS_MAX: usize = 16;

/// Build information, and how it is stored.
#[derive(Debug, Default)]
pub(super) struct BuildInfo {
    pub(super) build: Build,
    /// The text of modules and settings, with its frame; empty where there is none, `None` if it is damaged.
    pub(super) frame: Option<Vec<u8>>,
    /// Whether the texts are in the build information itself, as since Go 1.18.
    pub(super) is_inline: bool,
}

/// Result of reading at a find.
enum FindResult {
    Good(Box<BuildInfo>),
    /// The header is there, but a part behind it is damaged.
    Bad(Damage),
}

/// Reads the build information. Returns `None` when Go did not build the file.
pub(super) fn read(
    view: &View<'_>,
    layout: &ElfHeaders,
    damage: &mut Vec<Damage>,
) -> io::Result<Option<BuildInfo>> {
    let mut search = Search { view, layout, left: SEARCH_MAX, finds: 0, bad: None };
    let most = if layout.sections.present { START_MAX } else { u64::MAX };
    if let Some((address, size)) = layout.sections.build_info {
        if let Some(info) = search.range(address, size, damage)? {
            return Ok(Some(info));
        }
        search.bad.get_or_insert(Damage::GoBuildInfo);
    }
    for load in layout.of(PT_LOAD).filter(|load| load.flags & PF_W != 0) {
        if let Some(info) = search.range(load.address, load.size.min(most), damage)? {
            return Ok(Some(info));
        }
    }
    damage.extend(search.bad);
    Ok(None)
}

struct Search<'a> {
    view: &'a View<'a>,
    layout: &'a ElfHeaders,
    /// Number of bytes that may still be searched.
    left: u64,
    finds: usize,
    /// Damage of the first find.
    bad: Option<Damage>,
}

impl Search<'_> {
    /// Searches a range of addresses for readable build information.
    fn range(&mut self, address: u64, size: u64, damage: &mut Vec<Damage>) -> io::Result<Option<BuildInfo>> {
        let mut at = address.checked_next_multiple_of(ALIGN).unwrap_or(u64::MAX);
        let Some((mut offset, left)) = self.layout.locate(at) else { return Ok(None) };
        let mut left = size.saturating_sub(at - address).min(left);
        let mut buffer = vec![0; CHUNK];
        while left >= HEADER {
            if self.left == 0 {
                self.bad.get_or_insert(Damage::GoSearch);
                return Ok(None);
            }
            let length = left.min(CHUNK as u64).min(self.left);
            // At most CHUNK, so the conversion cannot fail.
            let chunk = buffer.get_mut(..usize::try_from(length).unwrap_or_default()).unwrap_or_default();
            match self.view.fill(chunk, offset) {
                Ok(()) => {}
                Err(Fault::Io(error)) => return Err(error),
                Err(Fault::Damaged) => return Ok(None),
            }
            self.left -= length;
            for find in memchr::memmem::find_iter(chunk, MAGIC) {
                let find = at + find as u64;
                if !find.is_multiple_of(ALIGN) {
                    continue;
                }
                match at_address(self.view, self.layout, find, damage)? {
                    FindResult::Good(info) => return Ok(Some(*info)),
                    FindResult::Bad(what) => self.bad.get_or_insert(what),
                };
                self.finds += 1;
                if self.finds >= FINDS_MAX {
                    return Ok(None);
                }
            }
            (at, offset, left) = (at + length, offset + length, left - length);
        }
        Ok(None)
    }
}

/// Reads the build information whose magic bytes are at an address.
fn at_address(
    view: &View<'_>,
    layout: &ElfHeaders,
    address: u64,
    damage: &mut Vec<Damage>,
) -> io::Result<FindResult> {
    let bad = |fault, what| match fault {
        Fault::Io(error) => Err(error),
        Fault::Damaged => Ok(FindResult::Bad(what)),
    };
    let texts = match Texts::new(view, layout, address) {
        Ok(texts) => texts,
        Err(fault) => return bad(fault, Damage::GoBuildInfo),
    };
    let (version, next) = match texts.version() {
        Ok(version) => version,
        Err(fault) => return bad(fault, Damage::GoVersion),
    };
    let frame = match texts.modules(next) {
        Ok(frame) => Some(frame),
        Err(Fault::Io(error)) => return Err(error),
        Err(Fault::Damaged) => None,
    };
    let modules = frame.as_deref().and_then(lines).and_then(modinfo::parse);
    // A version is useful without modules; incomplete modules are not.
    if modules.is_none() {
        damage.push(Damage::GoModules);
    }
    let build = Build { version, ..modules.unwrap_or_default() };
    Ok(FindResult::Good(Box::new(BuildInfo { build, frame, is_inline: texts.is_inline() })))
}

/// Returns the text of modules and settings without its frame: 16 bytes of cmd/go/internal/modload.infoStart, the
/// lines, 16 bytes of infoEnd.
fn lines(frame: &[u8]) -> Option<&[u8]> {
    if frame.is_empty() {
        return Some(frame);
    }
    let end = frame.len().checked_sub(16).filter(|&end| end >= 17)?;
    frame.get(16..end).filter(|lines| lines.last() == Some(&b'\n'))
}

/// Access to the texts, which are stored in one of two ways.
struct Texts<'a> {
    view: &'a View<'a>,
    layout: &'a ElfHeaders,
    address: u64,
    header: Vec<u8>,
}

impl<'a> Texts<'a> {
    fn new(view: &'a View<'a>, layout: &'a ElfHeaders, address: u64) -> Result<Self, Fault> {
        let header = layout.bytes(view, address, HEADER, HEADER)?;
        let texts = Self { view, layout, address, header };
        let pointer = texts.header.get(14).copied().unwrap_or_default();
        let good =
            texts.flags() & !(BIG_ENDIAN | INLINE) == 0 && (texts.is_inline() || matches!(pointer, 4 | 8));
        if good { Ok(texts) } else { Err(Fault::Damaged) }
    }

    fn flags(&self) -> u8 {
        self.header.get(15).copied().unwrap_or_default()
    }

    fn is_inline(&self) -> bool {
        self.flags() & INLINE != 0
    }

    /// Reads the version. Returns it and the address behind it, where the modules follow.
    fn version(&self) -> Result<(String, u64), Fault> {
        let (bytes, next) = if self.is_inline() {
            self.inline(self.address.checked_add(HEADER).ok_or(Fault::Damaged)?, VERSION_MAX)?
        } else {
            (self.pointed(0, VERSION_MAX)?, 0)
        };
        let version = String::from_utf8(bytes).map_err(|_| Fault::Damaged)?;
        let good = !version.is_empty() && !version.chars().any(char::is_control);
        if good { Ok((version, next)) } else { Err(Fault::Damaged) }
    }

    /// Reads the text of modules and settings with its frame; empty where there is none.
    fn modules(&self, at: u64) -> Result<Vec<u8>, Fault> {
        if self.is_inline() { Ok(self.inline(at, MODULES_MAX)?.0) } else { self.pointed(1, MODULES_MAX) }
    }

    /// Reads a text that follows its length. Returns it and the address behind it.
    fn inline(&self, address: u64, most: u64) -> Result<(Vec<u8>, u64), Fault> {
        let head = self.layout.some_bytes(self.view, address, 10)?;
        let (length, used) = varint(&head).ok_or(Fault::Damaged)?;
        let address = address.checked_add(used).ok_or(Fault::Damaged)?;
        let bytes = self.bytes(address, length, most)?;
        Ok((bytes, address.checked_add(length).ok_or(Fault::Damaged)?))
    }

    /// Reads the Go string, an address and a length, behind the pointer with a number.
    fn pointed(&self, number: usize, most: u64) -> Result<Vec<u8>, Fault> {
        let size = usize::from(self.header.get(14).copied().unwrap_or_default());
        let address = self.word(self.header.get(16 + number * size..).unwrap_or_default(), size)?;
        let string = self.bytes(address, size as u64 * 2, 16)?;
        let (data, length) = string.split_at_checked(size).ok_or(Fault::Damaged)?;
        self.bytes(self.word(data, size)?, self.word(length, size)?, most)
    }

    fn bytes(&self, address: u64, length: u64, most: u64) -> Result<Vec<u8>, Fault> {
        // An empty text may lie at the very end of a segment, or outside of all.
        if length == 0 { Ok(Vec::new()) } else { self.layout.bytes(self.view, address, length, most) }
    }

    /// Reads a number of 4 or 8 bytes.
    fn word(&self, bytes: &[u8], size: usize) -> Result<u64, Fault> {
        let bytes = bytes.get(..size).ok_or(Fault::Damaged)?;
        let add = |sum: u64, &byte: &u8| (sum << 8) | u64::from(byte);
        let big = self.flags() & BIG_ENDIAN != 0;
        Ok(if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }
}

/// Parses a number of encoding/binary's Uvarint. Returns it and the number of bytes used.
fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut number = 0;
    for (n, &byte) in (0_u32..9).zip(bytes) {
        number |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((number, u64::from(n) + 1));
        }
    }
    // A number with more than 63 bits exceeds every cap here.
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_go() {
        // Made with binary.AppendUvarint of Go 1.27.3.
        let cases: [(u64, &[u8]); 5] =
            [(0, &[0]), (1, &[1]), (127, &[127]), (128, &[128, 1]), (1 << 20, &[128, 128, 64])];
        for (number, bytes) in cases {
            assert_eq!(varint(bytes), Some((number, bytes.len() as u64)));
        }
        assert_eq!(varint(&[128, 128]), None);
        assert_eq!(varint(&[255; 10]), None);
        assert_eq!(varint(&[]), None);
    }
}
