//! Files of a source tree: any bytes of any kind give findings within the file, or none.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../tracego/scan/tests/properties/check.rs"]
mod check;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    check::file(usize::from(*kind), bytes);
});
