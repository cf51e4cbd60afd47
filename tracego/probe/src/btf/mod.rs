//! Field offsets from the running kernel's BTF.
//!
//! Format: <https://docs.kernel.org/bpf/btf.html>. The input is untrusted: every access is checked, and a
//! malformed file is an error, never a panic.

pub mod fields;
mod file;

use std::collections::HashMap;

pub use file::BtfFile;
use tracego_common::{Offsets, offsets::ABSENT};

/// Path of the kernel's own type information.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// Why a BTF blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The magic number is missing: not BTF, or BTF of the other byte order.
    #[error("not BTF in this machine's byte order (magic {0:#06x}, expected 0xeb9f)")]
    Magic(u16),
    /// The blob ends inside a structure.
    #[error("BTF ends early, at type {0}")]
    Truncated(usize),
    /// A type has a kind whose size is unknown to this reader.
    #[error("BTF type {0} has the unknown kind {1}")]
    Kind(usize, u32),
}

/// One type: the position of its entry, and the fields of its header.
#[derive(Clone, Copy)]
struct Type {
    at: usize,
    name: u32,
    kind: u32,
    vlen: usize,
    flag: bool,
    size_or_type: u32,
}

/// A parsed BTF blob.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Positions of the types' entries. Type 0 is void and has none.
    index: Vec<u32>,
    /// Structures, enumerations and types of tracepoints by name: the ids in ascending order.
    structs: HashMap<&'a [u8], Vec<usize>>,
}

/// Maximum number of structures visited by one search. Real ones hold a few dozen anonymous members. A
/// damaged one may contain itself several times, and every level would multiply the work.
const NESTED_MAX: usize = 256;

const INTEGER: u32 = 1;
const POINTER: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
/// Kind of a forward declaration.
pub(crate) const FORWARD: u32 = 7;
/// Kind of a typedef.
pub(crate) const TYPEDEF: u32 = 8;
/// Kind of a function.
pub(crate) const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
/// Approximate mean size of an entry, for reserving the index: 25 bytes on Linux 6.18.
const ENTRY_MEAN: usize = 24;
/// Start of the names of the types that tracepoints hand to their programs (include/trace/bpf_probe.h).
const TRACEPOINT: &[u8] = b"btf_trace_";

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Splits `name[3]` into name and subscript. Returns `None` for a subscript that is no number.
fn subscript(part: &str) -> Option<(&str, Option<usize>)> {
    let Some((name, index)) = part.split_once('[') else { return Some((part, None)) };
    Some((name, Some(index.strip_suffix(']')?.parse().ok()?)))
}

impl<'a> Btf<'a> {
    /// Parses the headers of all types.
    ///
    /// # Errors
    /// Fails if the blob is not BTF or ends early.
    pub fn parse(blob: &'a [u8]) -> Result<Self, BtfError> {
        let magic = blob.get(..2).map_or(0, |b| u16::from_ne_bytes([b[0], b[1]]));
        if magic != 0xeb9f {
            return Err(BtfError::Magic(magic));
        }
        let header = |at| word(blob, at).map(|v| v as usize).ok_or(BtfError::Truncated(0));
        let (start, type_off, type_len) = (header(4)?, header(8)?, header(12)?);
        let (str_off, str_len) = (header(16)?, header(20)?);
        let section = |off: usize, len: usize| {
            let from = start.checked_add(off)?;
            blob.get(from..from.checked_add(len)?)
        };
        let types = section(type_off, type_len).ok_or(BtfError::Truncated(0))?;
        let strings = section(str_off, str_len).ok_or(BtfError::Truncated(0))?;
        let mut index = Vec::with_capacity(types.len() / ENTRY_MEAN + 1);
        index.push(u32::MAX);
        let mut btf = Self { types, strings, index, structs: HashMap::new() };
        btf.index_types()?;
        Ok(btf)
    }

    fn index_types(&mut self) -> Result<(), BtfError> {
        let mut at = 0;
        while at < self.types.len() {
            let id = self.index.len();
            let entry = self.entry(at).ok_or(BtfError::Truncated(id))?;
            let Type { name, kind, vlen, .. } = entry;
            let tail = match kind {
                INTEGER | 14 | 17 => 4,          // int, var, decl tag
                POINTER | 7..=12 | 16 | 18 => 0, // pointer, fwd, typedef, qualifiers, func, float, type tag
                ARRAY => 12,
                STRUCT | UNION | 15 | 19 => vlen * 12, // members, data section, enum64
                ENUM | PROTOTYPE => vlen * 8,
                _ => return Err(BtfError::Kind(id, kind)),
            };
            let tracepoint = || kind == TYPEDEF && self.tail(name).starts_with(TRACEPOINT);
            if matches!(kind, STRUCT | ENUM) && name != 0 || tracepoint() {
                self.structs.entry(self.name(name)).or_default().push(id);
            }
            self.index.push(u32::try_from(at).map_err(|_| BtfError::Truncated(id))?);
            at += 12 + tail;
        }
        Ok(())
    }

    /// Reads the header of the entry at a position.
    fn entry(&self, at: usize) -> Option<Type> {
        let header = self.types.get(at..at.checked_add(12)?)?;
        let (name, info, size_or_type) = (word(header, 0)?, word(header, 4)?, word(header, 8)?);
        let (kind, vlen) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
        Some(Type { at, name, kind, vlen, flag: info >> 31 == 1, size_or_type })
    }

    /// Returns a type; `None` for void and for ids that do not exist.
    fn get(&self, id: usize) -> Option<Type> {
        self.entry(*self.index.get(id)? as usize)
    }

    /// Returns the names from one on.
    fn tail(&self, offset: u32) -> &'a [u8] {
        self.strings.get(offset as usize..).unwrap_or_default()
    }

    fn name(&self, offset: u32) -> &'a [u8] {
        self.tail(offset).split(|&b| b == 0).next().unwrap_or_default()
    }

    /// Returns offset and type of a member. `seen` lists the structures that this search has visited.
    fn member_in(&self, id: usize, name: &[u8], seen: &mut Vec<usize>) -> Option<(usize, usize)> {
        let entry = self.get(id)?;
        if !matches!(entry.kind, STRUCT | UNION) || seen.contains(&id) || seen.len() >= NESTED_MAX {
            return None;
        }
        seen.push(id);
        for n in 0..entry.vlen {
            let at = entry.at + 12 + n * 12;
            let (member, ty) = (word(self.types, at)?, word(self.types, at + 4)? as usize);
            let raw = word(self.types, at + 8)?;
            let bits = if entry.flag { raw & 0x00ff_ffff } else { raw } as usize;
            if !bits.is_multiple_of(8) {
                continue; // A bit field has no byte offset.
            }
            if member != 0 && self.name(member) == name {
                return Some((bits / 8, ty));
            }
            // Members of an anonymous structure belong to the enclosing one.
            if member == 0
                && let Some((inner, ty)) = self.member_in(self.resolve(ty), name, seen)
            {
                return Some((bits / 8 + inner, ty));
            }
        }
        None
    }

    /// Follows typedefs and qualifiers.
    fn resolve(&self, mut id: usize) -> usize {
        for _ in 0..32 {
            match self.get(id) {
                Some(ty) if matches!(ty.kind, 8..=11 | 18) => id = ty.size_or_type as usize,
                _ => break,
            }
        }
        id
    }

    /// Returns type and size of the elements of an array that has one with this index. Elements are integers, pointers,
    /// structures or unions.
    fn element(&self, array: usize, index: usize) -> Option<(usize, usize)> {
        let entry = self.get(array).filter(|entry| entry.kind == ARRAY)?;
        let (ty, count) = (word(self.types, entry.at + 12)?, word(self.types, entry.at + 20)?);
        if index >= count as usize {
            return None;
        }
        let element = self.resolve(ty as usize);
        let of = self.get(element)?;
        let size = match of.kind {
            INTEGER | STRUCT | UNION => of.size_or_type as usize,
            POINTER => size_of::<u64>(),
            _ => return None,
        };
        Some((element, size))
    }

    /// Returns the byte offset of a dotted path in a structure, in which an array has a subscript; the size of the structure for an empty path;
    /// the value of an enumerator for `enum NAME`; the path itself for `typedef NAME`, if the function that it
    /// points to has a parameter with this number.
    #[must_use]
    pub fn offset(&self, structure: &str, path: &str) -> Option<u32> {
        let name = structure.strip_prefix("enum ").or_else(|| structure.strip_prefix("typedef "));
        let name = name.unwrap_or(structure).as_bytes();
        self.structs.get(name)?.iter().find_map(|&id| {
            if structure.starts_with("enum ") {
                return self.enumerator(id, path.as_bytes());
            }
            if structure.starts_with("typedef ") {
                let number: u32 = path.parse().ok()?;
                return ((number as usize) < self.parameters(id)?).then_some(number);
            }
            if path.is_empty() {
                return Some(self.get(id)?.size_or_type);
            }
            let (mut id, mut total) = (id, 0);
            for part in path.split('.') {
                let (name, index) = subscript(part)?;
                let (offset, ty) = self.member_in(id, name.as_bytes(), &mut Vec::new())?;
                total += offset;
                id = self.resolve(ty);
                if let Some(index) = index {
                    let (element, size) = self.element(id, index)?;
                    total += index * size;
                    id = element;
                }
            }
            u32::try_from(total).ok()
        })
    }

    /// Returns whether the kernel has a function.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.function(name).is_some()
    }

    /// Returns the id of the type that a tracepoint hands to its programs: `btf_trace_NAME`.
    pub(crate) fn tracepoint(&self, name: &str) -> Option<usize> {
        let is_typedef = |&id: &usize| self.get(id).is_some_and(|ty| ty.kind == TYPEDEF);
        self.structs.get(name.as_bytes())?.iter().copied().find(is_typedef)
    }

    /// Returns the id of a function.
    pub(crate) fn function(&self, name: &str) -> Option<usize> {
        let is_name = |of: Type| {
            self.tail(of.name).strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
        };
        (1..self.index.len()).find(|&id| self.get(id).is_some_and(|ty| ty.kind == FUNCTION && is_name(ty)))
    }

    /// Returns the number of parameters of the function that a typedef points to.
    fn parameters(&self, id: usize) -> Option<usize> {
        let pointer = self.get(self.resolve(id)).filter(|entry| entry.kind == POINTER)?;
        let function = self.get(self.resolve(pointer.size_or_type as usize))?;
        (function.kind == PROTOTYPE).then_some(function.vlen)
    }

    fn enumerator(&self, id: usize, name: &[u8]) -> Option<u32> {
        let entry = self.get(id)?;
        (0..if entry.kind == ENUM { entry.vlen } else { 0 }).find_map(|n| {
            let at = entry.at + 12 + n * 8;
            (self.name(word(self.types, at)?) == name).then(|| word(self.types, at + 4)).flatten()
        })
    }

    /// Returns the table of offsets for the kernel side, and the names of the fields that this kernel lacks.
    /// The fields in `without` are treated as missing.
    #[must_use]
    pub fn offsets(&self, without: &[String]) -> (Offsets, Vec<String>) {
        let mut missing = Vec::new();
        let values: Vec<i32> = Offsets::FIELDS
            .iter()
            .map(|(structure, path)| {
                let name = format!("{structure}.{path}");
                let found = self.offset(structure, path).filter(|_| !without.contains(&name));
                found.and_then(|v| i32::try_from(v).ok()).unwrap_or_else(|| {
                    missing.push(name);
                    ABSENT
                })
            })
            .collect();
        (Offsets::from_values(&values), missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_has_the_required_fields() {
        let Ok(blob) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            eprintln!("skipped: this kernel has no BTF");
            return;
        };
        let btf = Btf::parse(&blob).unwrap();
        let (offsets, missing) = btf.offsets(&[]);
        assert!(offsets.task_tgid > 0 && offsets.mm_arg_start > 0, "missing: {missing:?}");
        assert!(missing.iter().all(|m| !m.starts_with("mm_struct")), "{missing:?}");
    }

    #[test]
    fn damage_is_an_error() {
        assert!(matches!(Btf::parse(b"ELF"), Err(BtfError::Magic(_))));
        let Ok(blob) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            eprintln!("skipped: this kernel has no BTF");
            return;
        };
        for cut in [2, 8, 23, 24, 100, 5000] {
            assert!(Btf::parse(&blob[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_structure_that_holds_itself_ends() {
        const MEMBERS: u32 = 8;
        let mut types = vec![1, (STRUCT << 24) | MEMBERS, 64];
        // Anonymous members of type 1 at bit 0.
        types.extend([0, 1, 0].repeat(MEMBERS as usize));
        let length = u32::try_from(types.len() * 4).unwrap();
        let strings = b"\0task_struct\0";
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, length, length, 13].into_iter().chain(types) {
            blob.extend_from_slice(&u32::to_ne_bytes(word));
        }
        blob.extend_from_slice(strings);
        let btf = Btf::parse(&blob).unwrap();
        assert_eq!((btf.offset("task_struct", "tgid"), btf.offset("task_struct", "")), (None, Some(64)));
    }

    /// Returns the registers of arm64 (arch/arm64/include/asm/ptrace.h) as BTF.
    fn arm64_registers() -> Vec<u8> {
        let strings = b"\0pt_regs\0regs\0orig_x0\0syscallno\0";
        let (pt_regs, regs, orig_x0, syscallno) = (1, 9, 14, 22);
        let types: [&[u32]; 5] = [
            &[0, INTEGER << 24, 8, 64],                // 1: u64
            &[0, ARRAY << 24, 0, 1, 1, 31],            // 2: u64[31]
            &[0, (STRUCT << 24) | 1, 272, regs, 2, 0], // 3: struct { u64 regs[31]; … }
            &[0, (UNION << 24) | 1, 272, 0, 3, 0],     // 4: union { 3 }
            &[pt_regs, (STRUCT << 24) | 3, 336, 0, 4, 0, orig_x0, 1, 272 * 8, syscallno, 1, 280 * 8],
        ];
        let types = types.concat();
        let length = u32::try_from(types.len() * 4).unwrap();
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, length, length, u32::try_from(strings.len()).unwrap()].into_iter().chain(types) {
            blob.extend_from_slice(&u32::to_ne_bytes(word));
        }
        blob.extend_from_slice(strings);
        blob
    }

    #[test]
    fn elements_of_arrays_have_offsets() {
        let blob = arm64_registers();
        let btf = Btf::parse(&blob).unwrap();
        let offset = |path: &str| btf.offset("pt_regs", path);
        assert_eq!((offset("regs"), offset("regs[0]"), offset("regs[4]")), (Some(0), Some(0), Some(32)));
        assert_eq!((offset("orig_x0"), offset("syscallno")), (Some(272), Some(280)));
        for wrong in ["regs[31]", "regs[-1]", "regs[1", "regs[]", "regs[x]", "orig_x0[0]", "regs[1].a"] {
            assert_eq!(offset(wrong), None, "{wrong}");
        }
    }
}
