//! Places where a program contradicts its own build information, which anyone can patch.
//!
//! Go's linker writes version and modules twice: into `.go.buildinfo`, which tools read, and into `.rodata`, where
//! the program itself reads them (`runtime.buildVersion`, `runtime.modinfo`). The header of `.gopclntab` depends on
//! the release, and the processor is in the ELF header as well. A patch that changes all of them alike is
//! not recognised. A fact that cannot be compared contradicts nothing.

use std::io;

use memchr::memmem;
use object::Endianness;
use serde::{Deserialize, Serialize};

use super::{
    Build, Elf, Machine,
    buildinfo::BuildInfo,
    layout::{ElfHeaders, SectionRange},
    view::{Fault, View},
};

/// Maximum number of bytes of `.rodata` that are searched; larger sections are not searched at all.
const SEARCH_MAX: u64 = 8 << 20;
/// Number of bytes searched at a time.
const CHUNK: u64 = 128 << 10;
/// Number of bytes in front of the modules and settings: cmd/go/internal/modload.infoStart.
const START: [u8; 16] = *b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6";
/// Maximum number of copies that are compared.
const COPIES_MAX: usize = 16;

/// A part of the build information that another part of the file contradicts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inconsistency {
    /// The version of Go: it is not the version that the runtime in the program has.
    Version,
    /// The modules and settings: the program itself has others.
    Modules,
    /// The processor (`GOARCH`): the file is for another one.
    Architecture,
}

impl Inconsistency {
    /// Returns the name used in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Modules => "modules",
            Self::Architecture => "architecture",
        }
    }

    /// Returns a message for users.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Version => "the version of Go is not that of the runtime in the program",
            Self::Modules => "the modules and settings are not those that the program itself has",
            Self::Architecture => "GOARCH is not the processor that the file is for",
        }
    }
}

/// Compares the build information with the rest of the file.
pub(super) fn find(
    view: &View<'_>,
    layout: &ElfHeaders,
    elf: &Elf,
    info: &BuildInfo,
) -> io::Result<Vec<Inconsistency>> {
    let mut found = Vec::new();
    let copies = noted(copies(view, layout, elf, info))?.unwrap_or_default();
    let fits = noted(fits_tables(view, layout, &info.build))?.unwrap_or(true);
    found.extend((!fits || copies.lacks_version).then_some(Inconsistency::Version));
    found.extend(copies.has_other_modules.then_some(Inconsistency::Modules));
    let arch = info.build.setting("GOARCH").and_then(machine);
    found.extend(arch.filter(|machine| *machine != elf.machine).map(|_| Inconsistency::Architecture));
    Ok(found)
}

/// Drops the fault of a damaged part. Fails only if the source fails.
fn noted<T>(part: Result<T, Fault>) -> io::Result<Option<T>> {
    match part {
        Ok(part) => Ok(Some(part)),
        Err(Fault::Io(error)) => Err(error),
        Err(Fault::Damaged) => Ok(None),
    }
}

/// Returns the processor of a value of `GOARCH`.
fn machine(arch: &str) -> Option<Machine> {
    Some(match arch {
        "386" => Machine::I386,
        "amd64" => Machine::X86_64,
        "arm" => Machine::Arm,
        "arm64" => Machine::Aarch64,
        "loong64" => Machine::Loongarch,
        "mips" | "mipsle" | "mips64" | "mips64le" => Machine::Mips,
        "ppc64" | "ppc64le" => Machine::Ppc64,
        "riscv64" => Machine::Riscv,
        "s390x" => Machine::S390x,
        _ => return None,
    })
}

/// Whether the header of `.gopclntab` is one of the release that the build information names (`pcHeader` in
/// runtime/symtab.go).
fn fits_tables(view: &View<'_>, layout: &ElfHeaders, build: &Build) -> Result<bool, Fault> {
    let (Some(table), Some(release)) = (layout.sections.tables, build.release()) else { return Ok(true) };
    let bytes = view.bytes(table.offset, 4, 4)?;
    let bytes = <[u8; 4]>::try_from(bytes).map_err(|_| Fault::Damaged)?;
    let magic = match layout.endian {
        Endianness::Little => u32::from_le_bytes(bytes),
        Endianness::Big => u32::from_be_bytes(bytes),
    };
    Ok(match magic {
        0xffff_fffb => release < (1, 16, 0),
        0xffff_fffa => ((1, 16, 0)..(1, 18, 0)).contains(&release),
        0xffff_fff0 => ((1, 18, 0)..(1, 20, 0)).contains(&release),
        0xffff_fff1 => (1, 20, 0) <= release,
        // Of a later release, or obfuscated.
        _ => true,
    })
}

/// The result of looking for the copies that the program itself reads.
#[derive(Debug, Default)]
struct Copies {
    lacks_version: bool,
    has_other_modules: bool,
}

fn copies(view: &View<'_>, layout: &ElfHeaders, elf: &Elf, info: &BuildInfo) -> Result<Copies, Fault> {
    let Some(data) = layout.sections.read_only.filter(|data| data.size <= SEARCH_MAX) else {
        return Ok(Copies::default());
    };
    // Before Go 1.18 the build information points to the texts instead of having a copy.
    let Some(frame) = info.frame.as_deref().filter(|_| info.is_inline) else { return Ok(Copies::default()) };
    // As a Go variable that the linker sets, it ends with a NUL.
    let version = format!("{}\0", info.build.version);
    let mut search = CopySearch {
        view,
        frame,
        version: version.as_bytes(),
        is_version_found: false,
        same: false,
        others: 0,
        finds: 0,
    };
    search.range(data)?;
    if search.finds >= COPIES_MAX {
        return Ok(Copies::default());
    }
    // With -linkshared, the runtime is in a library.
    let has_runtime = !elf.needed.iter().any(|library| library.starts_with("libstd."));
    Ok(Copies {
        lacks_version: has_runtime && !search.is_version_found,
        // A program without modules of its own may hold another program's.
        has_other_modules: !frame.is_empty() && !search.same && search.others > 0,
    })
}

struct CopySearch<'a> {
    view: &'a View<'a>,
    frame: &'a [u8],
    version: &'a [u8],
    is_version_found: bool,
    /// Whether one of the copies is that of the build information.
    same: bool,
    others: usize,
    finds: usize,
}

impl CopySearch<'_> {
    fn range(&mut self, data: SectionRange) -> Result<(), Fault> {
        let (modules, version) = (memmem::Finder::new(&START), memmem::Finder::new(self.version));
        let overlap = START.len().max(version.needle().len()) as u64 - 1;
        let mut buffer = vec![0; usize::try_from(data.size.min(CHUNK + overlap)).unwrap_or_default()];
        let mut at = 0;
        while at < data.size {
            let length = (data.size - at).min(CHUNK + overlap);
            // At most the size of the buffer, so the conversion cannot fail.
            let chunk = buffer.get_mut(..usize::try_from(length).unwrap_or_default()).unwrap_or_default();
            let offset = data.offset.checked_add(at).ok_or(Fault::Damaged)?;
            self.view.fill(chunk, offset)?;
            self.is_version_found |= version.find(chunk).is_some();
            for find in modules.find_iter(chunk).map(|find| find as u64).filter(|find| *find < CHUNK) {
                self.copy(offset.saturating_add(find), data.offset.saturating_add(data.size))?;
            }
            if self.is_version_found && self.same || self.finds >= COPIES_MAX {
                break;
            }
            at += CHUNK;
        }
        Ok(())
    }

    /// Compares the copy at an offset, within data that ends at `end`.
    fn copy(&mut self, offset: u64, end: u64) -> Result<(), Fault> {
        const KINDS: [&[u8]; 4] = [b"path\t", b"mod\t", b"dep\t", b"build\t"];
        self.finds += 1;
        let length = (self.frame.len() as u64).max(START.len() as u64 + 8).min(end.saturating_sub(offset));
        let bytes = self.view.bytes(offset, length, length)?;
        let is_text =
            bytes.get(START.len()..).is_some_and(|rest| KINDS.iter().any(|kind| rest.starts_with(kind)));
        if !self.frame.is_empty() && bytes == self.frame {
            self.same = true;
        } else if is_text {
            self.others += 1;
        }
        Ok(())
    }
}
