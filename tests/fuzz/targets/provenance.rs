//! Hostile bundles, statements and trust roots: each is refused, or read within its limits, and nothing is verified that
//! was not signed.
#![no_main]

#[path = "../../../tracego/provenance/tests/properties/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| check::any(input));
