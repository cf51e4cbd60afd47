//! What ELF headers say about how a program was linked.

use std::io;

use object::elf::{ET_DYN, PT_INTERP};
use serde::{Deserialize, Serialize};

use super::{
    Damage, dynamic,
    layout::Layout,
    noted, notes, packer,
    view::{Fault, View},
};

/// Bytes of the name of a dynamic loader; the kernel refuses longer ones (`PATH_MAX`).
const INTERPRETER_MAX: u64 = 4096;

/// The file as the linker left it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Elf {
    /// 32 or 64.
    pub bits: u8,
    /// Numbers in it start with their high byte.
    pub big_endian: bool,
    /// The processor that it is for.
    pub machine: Machine,
    /// It can be loaded at any address: an executable of type `ET_DYN`.
    pub pie: bool,
    /// Whether it needs other files to start.
    pub linkage: Linkage,
    /// The dynamic loader that it asks for (`PT_INTERP`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// The libraries that it asks for (`DT_NEEDED`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// It has no symbol table (`.symtab`).
    pub stripped: bool,
    /// It has DWARF debug information.
    pub debug: bool,
    /// What packed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packer: Option<Packer>,
    /// The id that GNU linkers, and Go's since 1.24, give: hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gnu_build_id: Option<String>,
    /// The id that the go command gives: up to four hashes with slashes between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go_build_id: Option<String>,
}

impl Elf {
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = [&self.interpreter, &self.gnu_build_id, &self.go_build_id];
        let texts = texts.into_iter().flatten().chain(&self.needed).map(String::capacity);
        self.needed.capacity() * size_of::<String>() + texts.sum::<usize>()
    }
}

/// Whether a program is whole by itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linkage {
    /// It starts without a dynamic loader and without libraries.
    #[default]
    Static,
    /// It needs a dynamic loader or libraries. Go's own linker asks for the loader in every
    /// `-buildmode=pie`, with no library at all.
    Dynamic,
}

/// What a packed program was packed with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packer {
    /// UPX: <https://upx.github.io/>.
    Upx,
}

/// Processors, named as uname(1) does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// One that Go does not build for on Linux.
    #[default]
    Other,
    /// 80386 and later, 32 bits.
    #[serde(rename = "i386")]
    I386,
    /// x86-64.
    #[serde(rename = "x86_64")]
    X86_64,
    /// ARM, 32 bits.
    Arm,
    /// ARM, 64 bits.
    Aarch64,
    /// MIPS, all kinds.
    Mips,
    /// PowerPC, 64 bits.
    Ppc64,
    /// RISC-V.
    Riscv,
    /// IBM Z.
    S390x,
    /// LoongArch.
    Loongarch,
}

impl Machine {
    /// From `EM_*`: <https://gabi.xinuos.com/elf/a-emachine.html>.
    fn from_raw(raw: u16) -> Self {
        use object::elf::{
            EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64,
        };
        match raw {
            EM_386 => Self::I386,
            EM_X86_64 => Self::X86_64,
            EM_ARM => Self::Arm,
            EM_AARCH64 => Self::Aarch64,
            EM_MIPS => Self::Mips,
            EM_PPC64 => Self::Ppc64,
            EM_RISCV => Self::Riscv,
            EM_S390 => Self::S390x,
            EM_LOONGARCH => Self::Loongarch,
            _ => Self::Other,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::I386 => "i386",
            Self::X86_64 => "x86_64",
            Self::Arm => "arm",
            Self::Aarch64 => "aarch64",
            Self::Mips => "mips",
            Self::Ppc64 => "ppc64",
            Self::Riscv => "riscv",
            Self::S390x => "s390x",
            Self::Loongarch => "loongarch",
        }
    }
}

/// Puts together what the headers and what they point to say.
pub(super) fn read(view: &View<'_>, layout: &Layout, damage: &mut Vec<Damage>) -> io::Result<Elf> {
    let interpreter = noted(interpreter(view, layout), damage, Damage::Interpreter)?;
    let dynamic = noted(dynamic::read(view, layout), damage, Damage::Dynamic)?;
    let mut ids = notes::Ids::default();
    noted(notes::read(view, layout, &mut ids), damage, Damage::Notes)?;
    let loader = layout.of(PT_INTERP).next().is_some();
    // Linkers before 2016 did not mark a PIE, so what has a loader is one as well. A library may be
    // made to run too, and has a loader then (glibc's own); it is told by its name.
    let pie = layout.kind == ET_DYN && (dynamic.pie || loader && !dynamic.library);
    Ok(Elf {
        bits: if layout.is_64 { 64 } else { 32 },
        big_endian: layout.endian == object::Endianness::Big,
        machine: Machine::from_raw(layout.machine),
        pie,
        linkage: if loader || !dynamic.needed.is_empty() { Linkage::Dynamic } else { Linkage::Static },
        interpreter,
        needed: dynamic.needed,
        stripped: !layout.sections.symbols,
        debug: layout.sections.debug,
        packer: packer::find(view, layout),
        gnu_build_id: ids.gnu,
        go_build_id: ids.go,
    })
}

/// The text in `PT_INTERP`; as in the kernel the first counts, and its last byte must be a NUL.
fn interpreter(view: &View<'_>, layout: &Layout) -> Result<Option<String>, Fault> {
    let Some(segment) = layout.of(PT_INTERP).next() else { return Ok(None) };
    let bytes = view.bytes(segment.offset, segment.size, INTERPRETER_MAX)?;
    match bytes.split_last() {
        Some((0, _)) => {
            let name = bytes.split(|&b| b == 0).next().unwrap_or_default();
            Ok(Some(String::from_utf8_lossy(name).into_owned()))
        }
        _ => Err(Fault::Damaged),
    }
}
