//! OTLP from outside: payloads that a disk gave back, and answers of receivers. Whatever they are, each is
//! understood or refused, and what is shown of them moves no terminal.
#![no_main]
#![expect(clippy::unwrap_used, reason = "a failure here is what is looked for")]

#[path = "../../../tracego/tests/properties/otlp/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| check::any(input));
