//! `btf`: fields are found at their offsets, and damage never causes a panic. Inputs are generated.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::{collection::vec, prelude::*, test_runner::Config};
use tracego_probe::btf::Btf;

const STRUCT: u32 = 4 << 24;

/// Name, type and bit offset of a member.
type Member = (&'static str, u32, u32);

/// Builds a blob whose types 1, 2, … are structures, each with a name and members.
fn blob(structures: &[(&str, Vec<Member>)]) -> Vec<u8> {
    let mut strings = vec![0];
    let mut types: Vec<u32> = Vec::new();
    let mut name = |text: &str| {
        let at = if text.is_empty() { 0 } else { u32::try_from(strings.len()).unwrap() };
        strings.extend_from_slice(text.as_bytes());
        strings.push(0);
        at
    };
    for (structure, members) in structures {
        types.extend([name(structure), STRUCT | u32::try_from(members.len()).unwrap(), 4096]);
        for &(member, ty, bits) in members {
            types.extend([name(member), ty, bits]);
        }
    }
    let (length, text) = (types.len() * 4, strings.len());
    let mut blob = vec![0x9f, 0xeb, 1, 0];
    for word in [24, 0, length, length, text] {
        blob.extend_from_slice(&u32::try_from(word).unwrap().to_ne_bytes());
    }
    for word in types {
        blob.extend_from_slice(&word.to_ne_bytes());
    }
    blob.extend_from_slice(&strings);
    blob
}

/// Builds a blob with a direct field, one inside an anonymous structure, and one inside a named member.
fn sample(outer: u32, inner: u32) -> Vec<u8> {
    blob(&[
        ("task_struct", vec![("tgid", 0, outer * 8), ("", 2, outer * 8), ("seccomp", 2, outer * 8)]),
        ("", vec![("mm", 0, inner * 8), ("mode", 0, inner * 8)]),
    ])
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn members_are_found_at_their_offsets(outer in 0_u32..1 << 20, inner in 0_u32..1 << 20) {
        let blob = sample(outer, inner);
        let btf = Btf::parse(&blob).unwrap();
        prop_assert_eq!(btf.offset("task_struct", "tgid"), Some(outer));
        prop_assert_eq!(btf.offset("task_struct", "mm"), Some(outer + inner));
        prop_assert_eq!(btf.offset("task_struct", "seccomp.mode"), Some(outer + inner));
        prop_assert_eq!(btf.offset("task_struct", ""), Some(4096));
        prop_assert_eq!(btf.offset("task_struct", "fs"), None);
        let (offsets, missing) = btf.offsets(&[]);
        prop_assert_eq!(u32::try_from(offsets.task_tgid).unwrap(), outer);
        prop_assert!(!missing.iter().any(|name| name == "task_struct.tgid"));
    }

    #[test]
    fn damage_never_panics(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut blob = sample(8, 16);
        for (at, to) in changes {
            *at.get_mut(&mut blob) = to;
        }
        for blob in [blob.as_slice(), &blob[..cut.index(blob.len())]] {
            if let Ok(btf) = Btf::parse(blob) {
                let _table = btf.offsets(&[]);
            }
        }
    }
}
