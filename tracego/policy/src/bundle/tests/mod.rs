//! Tests with valid bundles, and with every way in which a bundle can be invalid.

mod archives;
mod content;
mod folders;
mod rsa;
mod signatures;
mod vectors;

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use super::{Bundle, BundleError, BundleOptions, BundleProblem, load_archive, load_with};

/// A minimal policy.
const MODULE: &str = "package tracego.process\n\ndeny contains \"no\" if false\n";

/// Returns a tar archive of the given entries (kind, name, content), even if they are invalid.
fn tar(entries: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for &(kind, name, content) in entries {
        out.extend(header(kind, name.as_bytes(), content.len() as u64));
        out.extend(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// Returns a ustar header.
fn header(kind: u8, name: &[u8], size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[148..156].copy_from_slice(b"        ");
    block[156] = kind;
    // Sparse files exist only in GNU's format, and their header has the real size.
    if kind == b'S' {
        block[483..495].copy_from_slice(b"00000000000\0");
    }
    block[257..265].copy_from_slice(if kind == b'S' { b"ustar  \0" } else { b"ustar\x0000" });
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns an archive of files.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let entries: Vec<_> = files.iter().map(|(name, text)| (b'0', *name, text.as_bytes())).collect();
    gzip(&tar(&entries))
}

/// Creates a folder with files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(folder.path(), name, text);
    }
    folder
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Loads files from an archive without a signature.
fn loaded(files: &[(&str, &str)]) -> Result<Bundle, BundleError> {
    load_archive("test", &*archive(files), &BundleOptions::default())
}

/// Returns the problem of invalid files, and the file that has it.
fn refused(files: &[(&str, &str)]) -> (Option<String>, BundleProblem) {
    let error = loaded(files).unwrap_err();
    (error.file, error.problem)
}

/// Loads a folder without checking write permissions, because the umask of a test is unknown.
fn load_folder(path: &Path) -> Result<Bundle, BundleError> {
    load_with(path, &BundleOptions { trust: None, allow_writable: true })
}
