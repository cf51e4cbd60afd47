//! The BPF objects: the same programs, with different loops. The kernel's helpers decide which one is loaded.

use std::{env, ffi::OsStr};

use tracego_common::limits::{BOUNDED_ENV_STEPS_MAX, BOUNDED_PATH_DEPTH_MAX};

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
    /// Loops that the verifier walks round by round, and fewer rounds.
    Bounded,
}

/// The objects, aligned as the ELF reader requires.
static LOOP: &[u8] = aya::include_bytes_aligned!("../../../bpf/loop.bpf.o");
static EACH: &[u8] = aya::include_bytes_aligned!("../../../bpf/each.bpf.o");
static BOUNDED: &[u8] = aya::include_bytes_aligned!("../../../bpf/bounded.bpf.o");

impl BpfObject {
    /// All objects, in the order of preference.
    pub const ALL: [Self; 3] = [Self::Loop, Self::Each, Self::Bounded];

    /// Returns the name, as in [`VARIABLE`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Each => "each",
            Self::Bounded => "bounded",
        }
    }

    /// Returns the helper that the object needs; `None` if every kernel can run it.
    #[must_use]
    pub const fn helper(self) -> Option<Helper> {
        match self {
            Self::Loop => Some(Helper::Loop),
            Self::Each => Some(Helper::ForEachMapElem),
            Self::Bounded => None,
        }
    }

    /// Returns what the object records less than the others; empty for nothing.
    #[must_use]
    pub fn bounds(self) -> String {
        match self {
            Self::Loop | Self::Each => String::new(),
            Self::Bounded => format!(
                "of paths the last {BOUNDED_PATH_DEPTH_MAX} names, of environments the first {BOUNDED_ENV_STEPS_MAX} \
                 variables"
            ),
        }
    }

    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Loop => LOOP,
            Self::Each => EACH,
            Self::Bounded => BOUNDED,
        }
    }

    /// Returns the object for the running kernel, or the one that [`VARIABLE`] names. Helpers whose names are in
    /// `without` count as missing.
    ///
    /// # Errors
    /// Fails if the variable names none.
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
        let runs = |object: &Self| object.helper().is_none_or(&available);
        Ok(Self::ALL.into_iter().find(runs).unwrap_or(Self::Bounded))
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
            (&[CurrentTaskBtf, TaskPtRegs], BpfObject::Bounded),
            (&[], BpfObject::Bounded),
        ] {
            assert_eq!(chosen(None, kernel), Ok(object), "{kernel:?}");
            assert_eq!(chosen(Some(""), kernel), Ok(object), "{kernel:?}");
        }
    }

    #[test]
    fn a_named_object_is_taken_whatever_the_kernel_has() {
        for object in BpfObject::ALL {
            assert_eq!(chosen(Some(object.name()), &[]), Ok(object));
        }
        let error = chosen(Some("Each"), &Helper::ALL).unwrap_err();
        assert!(
            error.contains("TRACEGO_BPF_OBJECT=Each") && error.contains("loop, each, bounded"),
            "{error}"
        );
    }
}
