//! Linkage and other facts from the headers of an ELF file.

use crate::packer::Packer;
use std::io;

use object::elf::{ET_DYN, PT_INTERP};
use serde::{Deserialize, Serialize};

use super::{
    Damage, dynamic,
    layout::ElfHeaders,
    noted, notes, packer,
    view::{Fault, View},
};

/// Maximum number of bytes of the name of a dynamic loader; the kernel refuses longer ones (`PATH_MAX`).
const INTERPRETER_MAX: u64 = 4096;

/// Facts from the headers of an ELF file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Elf {
    /// Word size of the file: 32 or 64 bits.
    pub bits: u8,
    /// Whether numbers are stored with their high byte first.
    pub big_endian: bool,
    /// Processor that the program is built for.
    pub machine: Machine,
    /// Whether the program can be loaded at any address: an executable of type `ET_DYN`.
    pub pie: bool,
    /// Whether the program needs other files to start.
    pub linkage: Linkage,
    /// Path of the dynamic loader (`PT_INTERP`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Names of the required libraries (`DT_NEEDED`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// Whether the symbol table (`.symtab`) is missing.
    pub stripped: bool,
    /// Whether the file contains DWARF debug information.
    pub debug: bool,
    /// Packer that packed the program; `None` if it is not packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packer: Option<Packer>,
    /// Build id of GNU linkers, and of Go's since 1.24, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gnu_build_id: Option<String>,
    /// Build id of the go command: up to four hashes separated by slashes.
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

/// Whether a program is self-contained.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linkage {
    /// The program starts without a dynamic loader and without libraries.
    #[default]
    Static,
    /// The program needs a dynamic loader or libraries. Go's own linker requests the loader for every
    /// `-buildmode=pie`, even without libraries.
    Dynamic,
}

/// Processors, named as by uname(1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// A processor that Go does not support on Linux.
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
    /// Converts a number `EM_*`: <https://gabi.xinuos.com/elf/a-emachine.html>.
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

    /// Returns the name of the processor.
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

/// Collects the facts from the headers and the parts that they point to.
pub(super) fn read(view: &View<'_>, layout: &ElfHeaders, damage: &mut Vec<Damage>) -> io::Result<Elf> {
    let interpreter = noted(interpreter(view, layout), damage, Damage::Interpreter)?;
    let dynamic = noted(dynamic::read(view, layout), damage, Damage::Dynamic)?;
    let mut ids = notes::Ids::default();
    noted(notes::read(view, layout, &mut ids), damage, Damage::Notes)?;
    let loader = layout.of(PT_INTERP).next().is_some();
    // Linkers before 2016 did not mark a PIE, so a file with a loader counts as one as well. A library can be
    // executable too, and then has a loader (glibc's own); it is recognized by its library name.
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

/// Reads the text of `PT_INTERP`. As in the kernel, the first one counts and must end with a NUL.
fn interpreter(view: &View<'_>, layout: &ElfHeaders) -> Result<Option<String>, Fault> {
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
