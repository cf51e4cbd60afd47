//! The types that programs are attached to, in the form that aya needs.
//!
//! aya takes the id of such a type from all types of the kernel, and parses more than a hundred thousand of them for
//! that. Here it gets a small blob of the same format, in which the wanted types have their ids and all others are
//! nameless.

use aya::{Btf as AyaBtf, Endianness};

use crate::{
    btf::{Btf, FORWARD, FUNCTION, TYPEDEF},
    error::LoadError,
    programs::hooks::{AttachPoint, Hook},
};

/// Returns the types that programs are attached to, with the ids that they have in the kernel. Types that this kernel
/// lacks are left out, so that aya says which one is missing.
///
/// # Errors
/// Fails if aya does not accept the types.
pub(crate) fn attach_types(btf: &Btf<'_>, hooks: &[Hook]) -> Result<AyaBtf, LoadError> {
    let wanted = hooks.iter().filter_map(|hook| attach_type(btf, hook.place));
    let mut wanted: Vec<(usize, u32, String)> = wanted.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let count = wanted.last().map_or(0, |&(id, ..)| id);
    // Forward declarations have no members.
    let (mut types, mut strings) = (vec![[0, FORWARD << 24, 0]; count], vec![0_u8]);
    for (id, kind, name) in &wanted {
        // A type of the kernel is at least 1.
        if let Some(entry) = id.checked_sub(1).and_then(|at| types.get_mut(at)) {
            *entry = [u32::try_from(strings.len()).unwrap_or(0), kind << 24, 0];
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
        }
    }
    AyaBtf::parse(&blob(&types, &strings), Endianness::default())
        .map_err(|error| LoadError::Object(error.into()))
}

/// Returns id, kind and name of the type that a program at this place is attached to.
fn attach_type(btf: &Btf<'_>, place: AttachPoint) -> Option<(usize, u32, String)> {
    match place {
        AttachPoint::Tracepoint(name) => {
            let name = format!("btf_trace_{name}");
            Some((btf.tracepoint(&name)?, TYPEDEF, name))
        }
        AttachPoint::Lsm(name) => {
            let name = format!("bpf_lsm_{name}");
            Some((btf.function(&name)?, FUNCTION, name))
        }
        AttachPoint::Syscall(_) => None,
    }
}

/// Returns a BTF blob of types without members.
fn blob(types: &[[u32; 3]], strings: &[u8]) -> Vec<u8> {
    const HEADER: u32 = 24;
    let len = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let (types_len, strings_len) = (len(size_of_val(types)), len(strings.len()));
    let mut blob = 0xeb9f_u16.to_ne_bytes().to_vec();
    blob.extend([1, 0]);
    let header = [HEADER, 0, types_len, types_len, strings_len];
    for word in header.iter().chain(types.as_flattened()) {
        blob.extend(word.to_ne_bytes());
    }
    blob.extend_from_slice(strings);
    blob
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{btf::BtfFile, programs::hooks};

    #[test]
    fn attach_points_have_the_ids_of_the_kernel() {
        use aya_obj::btf::BtfKind;
        let Ok(file) = BtfFile::open() else {
            eprintln!("skipped: this kernel has no BTF");
            return;
        };
        let all = AyaBtf::from_sys_fs().unwrap();
        let own = attach_types(&Btf::parse(&file).unwrap(), &hooks::all().collect::<Vec<_>>()).unwrap();
        let mut found = 0;
        for hook in hooks::all() {
            let (name, kind) = match hook.place {
                AttachPoint::Tracepoint(name) => (format!("btf_trace_{name}"), BtfKind::Typedef),
                AttachPoint::Lsm(name) => (format!("bpf_lsm_{name}"), BtfKind::Func),
                AttachPoint::Syscall(_) => continue,
            };
            let id = |btf: &AyaBtf| btf.id_by_type_name_kind(&name, kind).ok();
            assert_eq!(id(&own), id(&all), "{name}");
            found += usize::from(id(&own).is_some());
        }
        assert!(found >= 4, "{found}");
    }

    #[test]
    fn a_kernel_without_the_types_gives_none() {
        let empty = blob(&[], b"\0");
        let btf = Btf::parse(&empty).unwrap();
        assert!(attach_types(&btf, &hooks::all().collect::<Vec<_>>()).is_ok());
    }
}
