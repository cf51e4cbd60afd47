//! The tests that every change must pass on other kernels.

use super::boot_variant::BootVariant;

/// One test for each kernel-dependent feature, and whether it also runs on machines that lack something.
pub(super) const TESTS: [(&str, bool); 12] = [
    ("every field is what /proc says", true),
    ("failed attempts", false),
    ("BPF object", false),
    ("without a helper", false),
    ("a wiped environment still belongs to its job", false),
    ("the metrics are the ledger", false),
    ("step of the clock", false),
    ("enforcement: what a rule stops", true),
    ("enforcement: however it is started", false),
    ("enforcement: make learns that go run is refused", false),
    ("enforcement: a full ring", false),
    ("enforcement: what a policy does not allow", false),
];

/// Returns the ways to boot a kernel. Only the newest kernel is booted with something missing.
pub(super) fn machines(newest: bool) -> &'static [BootVariant] {
    if newest {
        &[BootVariant::Plain, BootVariant::WithoutLsm, BootVariant::CgroupV1]
    } else {
        &[BootVariant::Plain]
    }
}
