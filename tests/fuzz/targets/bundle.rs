//! Archives of policies that somebody made to be unpleasant: each is refused or a bundle whose names lead
//! nowhere, and what is said about it moves no terminal.
#![no_main]
#![expect(clippy::unwrap_used, reason = "a failure here is what is looked for")]

#[path = "../../../tracego/tests/properties/bundle/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| check::any(input));
