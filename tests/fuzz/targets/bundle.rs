//! Hostile policy archives: each is refused, or read as a bundle whose names stay inside it. Messages about
//! it contain no terminal control characters.
#![no_main]
#![expect(clippy::unwrap_used, reason = "a failure here is what is looked for")]

#[path = "../../../tracego/policy/tests/properties/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| check::any(input));
