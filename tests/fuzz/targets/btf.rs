//! BTF of a kernel: damage gives an error or an absent field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracego_common::{Offsets, offsets::ABSENT};
use tracego_probe::btf::Btf;

fuzz_target!(|blob: &[u8]| {
    let Ok(btf) = Btf::parse(blob) else { return };
    let (offsets, missing) = btf.offsets(&[]);
    assert!(missing.len() <= Offsets::FIELDS.len());
    // A field is either in the table or on the list of missing ones.
    let absent = |name: &str| missing.iter().any(|missing| missing == name);
    assert_eq!(offsets.task_tgid == ABSENT, absent("task_struct.tgid"));
    assert_eq!(offsets.cgroup_kn == ABSENT, absent("cgroup.kn"));
});
