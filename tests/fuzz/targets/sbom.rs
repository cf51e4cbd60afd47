//! Records and advisories: each line is understood or refused, and every bill of materials is what its format says.
#![no_main]
#![expect(clippy::unwrap_used, reason = "a failure here is what is looked for")]

#[path = "../../../tracego/sbom/tests/properties/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| check::any(input));
