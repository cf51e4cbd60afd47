//! Executables: headers of ELF files and Go's build information. The input is read once as a file, and once
//! as the modules and settings in a valid file.
#![no_main]
#![expect(clippy::expect_used, reason = "a failure here is what is looked for")]

use std::{cell::Cell, io};

use libfuzzer_sys::fuzz_target;
use tracego_golang::{self as golang, Damage, Image, Source, view::TOTAL_MAX};

fuzz_target!(|input: &[u8]| {
    check(input);
    let image = check(&program(input));
    let build = image.go.expect("the version is in order");
    assert_eq!(build.version, "go1.27.3");
    assert!(image.damage.is_empty() || image.damage == [Damage::GoModules], "{:?}", image.damage);
});

/// Checks what holds for every file.
fn check(bytes: &[u8]) -> Image {
    let source = CountingSource { bytes, read: Cell::new(0) };
    let image = golang::read(&source).expect("memory cannot fail");
    assert!(source.read.get() <= TOTAL_MAX + 8192, "{} bytes are read", source.read.get());
    // Every stored byte was read, and a module takes a few words beside its line.
    assert!(image.heap_bytes() < 4096 + bytes.len().saturating_mul(64), "{} bytes", image.heap_bytes());
    assert_eq!((image.size, image.htlhash.len()), (bytes.len() as u64, 32));
    assert!(image.elf.is_some() || image.go.is_none());
    let json = serde_json::to_string(&image).expect("every image can be written");
    let again: Image = serde_json::from_str(&json).expect("and read");
    assert_eq!(again, image);
    image
}

/// Returns a file of one segment with these modules and settings.
fn program(modules: &[u8]) -> Vec<u8> {
    const START: usize = 64 + 56 + 8;
    let mut bytes = vec![0; START];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes.extend(b"\xff Go buildinf:\x00\x02");
    bytes.extend([0; 16]);
    bytes.push(8);
    bytes.extend(b"go1.27.3");
    let mut length = modules.len() + 33;
    while length >= 128 {
        bytes.push(length.to_le_bytes()[0] | 128);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend([1; 16]);
    bytes.extend(modules);
    bytes.push(b'\n');
    bytes.extend([2; 16]);
    let size = bytes.len() as u64;
    // e_phoff, e_phentsize and e_phnum, p_type and p_flags, p_filesz, p_memsz.
    for (at, number) in [(32, 64), (54, 1 << 16 | 56), (64, 6 << 32 | 1), (96, size), (104, size)] {
        let width = if at == 54 { 4 } else { 8 };
        bytes[at..at + width].copy_from_slice(&u64::to_le_bytes(number)[..width]);
    }
    bytes
}

/// A source that counts the bytes that are read.
struct CountingSource<'a> {
    bytes: &'a [u8],
    read: Cell<u64>,
}

impl Source for CountingSource<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.set(self.read.get() + buffer.len() as u64);
        (&self.bytes).read_exact_at(buffer, offset)
    }
}
