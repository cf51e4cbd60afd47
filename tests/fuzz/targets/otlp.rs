//! OTLP from outside: payloads read from disk, and answers of receivers. Each is understood or refused, and
//! messages about it contain no terminal control characters.
#![no_main]
#![expect(clippy::unwrap_used, reason = "a failure here is what is looked for")]

#[path = "../../../tracego/deliver/tests/properties/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| check::any(input));
