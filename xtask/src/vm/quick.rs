//! What every change has to pass on other kernels.

use super::machine::Machine;

/// A test for each thing that depends on the kernel, and whether it is run where something is missing, too.
pub(super) const TESTS: [(&str, bool); 9] = [
    ("every field is what /proc says", true),
    ("failed attempts", false),
    ("a wiped environment still belongs to its job", false),
    ("the metrics are the ledger", false),
    ("enforcement: what a rule stops", true),
    ("enforcement: however it is started", false),
    ("enforcement: make learns that go run is refused", false),
    ("enforcement: a full ring", false),
    ("enforcement: what a policy does not allow", false),
];

/// How a kernel is started; what may be missing is missing on the newest alone.
pub(super) fn machines(newest: bool) -> &'static [Machine] {
    if newest { &[Machine::Plain, Machine::WithoutLsm, Machine::CgroupV1] } else { &[Machine::Plain] }
}
