//! The BPF objects: the same programs, with different loops. The kernel's helpers decide which one is loaded.

use std::{env, ffi::OsStr};

use crate::{error::LoadError, helpers::Helper};

/// Variable that chooses the object in place of the kernel's helpers, for tests.
pub const VARIABLE: &str = "TRACEGO_BPF_OBJECT";

/// An object built by `cargo xtask ebpf`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BpfObject {
    /// Loops with `bpf_loop`.
    Loop,
    /// Loops with `bpf_for_each_map_elem`.
    Each,
}

/// The objects, aligned as the ELF reader requires.
static LOOP: &[u8] = aya::include_bytes_aligned!("../../../bpf/loop.bpf.o");
static EACH: &[u8] = aya::include_bytes_aligned!("../../../bpf/each.bpf.o");

impl BpfObject {
    /// All objects, in the order of preference.
    pub const ALL: [Self; 2] = [Self::Loop, Self::Each];

    /// Returns the name, as in [`VARIABLE`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Each => "each",
        }
    }

    /// Returns the helper that the object needs.
    #[must_use]
    pub const fn helper(self) -> Helper {
        match self {
            Self::Loop => Helper::Loop,
            Self::Each => Helper::ForEachMapElem,
        }
    }

    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Loop => LOOP,
            Self::Each => EACH,
        }
    }

    /// Returns the object for the running kernel, or the one that [`VARIABLE`] names. Helpers whose names are in
    /// `without` count as missing.
    ///
    /// # Errors
    /// Fails if the kernel can run none of them, or if the variable names none.
    pub(crate) fn here(without: &[String]) -> Result<Self, LoadError> {
        Self::choose(env::var_os(VARIABLE).as_deref(), |helper| helper.is_available(without))
    }

    /// Returns the named object, otherwise the first one whose helper is available.
    fn choose(named: Option<&OsStr>, available: impl Fn(Helper) -> bool) -> Result<Self, LoadError> {
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let found = Self::ALL.into_iter().find(|object| named == object.name());
            return found.ok_or_else(|| LoadError::UnknownObject {
                variable: VARIABLE,
                named: named.to_string_lossy().into_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            });
        }
        let found = Self::ALL.into_iter().find(|object| available(object.helper()));
        found.ok_or_else(|| LoadError::NoLoop(Self::ALL.map(Self::helper).to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(named: Option<&str>, kernel: &[Helper]) -> Result<BpfObject, String> {
        let named = named.map(OsStr::new);
        BpfObject::choose(named, |helper| kernel.contains(&helper)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_helpers_of_the_kernel_decide() {
        use Helper::{CurrentTaskBtf, ForEachMapElem, Loop, TaskPtRegs};
        for (kernel, object) in [
            (&[Loop, ForEachMapElem, CurrentTaskBtf, TaskPtRegs][..], BpfObject::Loop),
            // A distribution that took one helper into an old kernel.
            (&[Loop], BpfObject::Loop),
            (&[ForEachMapElem, CurrentTaskBtf, TaskPtRegs], BpfObject::Each),
            (&[ForEachMapElem], BpfObject::Each),
        ] {
            assert_eq!(chosen(None, kernel), Ok(object), "{kernel:?}");
            assert_eq!(chosen(Some(""), kernel), Ok(object), "{kernel:?}");
        }
        let error = chosen(None, &[CurrentTaskBtf, TaskPtRegs]).unwrap_err();
        assert!(error.contains("bpf_loop (Linux 5.17)"), "{error}");
        assert!(error.contains("bpf_for_each_map_elem (Linux 5.13)"), "{error}");
    }

    #[test]
    fn a_named_object_is_taken_whatever_the_kernel_has() {
        for object in BpfObject::ALL {
            assert_eq!(chosen(Some(object.name()), &[]), Ok(object));
        }
        let error = chosen(Some("Each"), &Helper::ALL).unwrap_err();
        assert!(error.contains("TRACEGO_BPF_OBJECT=Each") && error.contains("loop, each"), "{error}");
    }
}
