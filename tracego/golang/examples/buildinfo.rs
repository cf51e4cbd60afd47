//! Prints what a Go binary says about itself: `cargo run -p tracego-golang --example buildinfo -- FILE`.
#![expect(clippy::print_stdout, reason = "the output of the example")]

use std::{env, fs::File, io, os::unix::fs::FileExt as _};

use tracego_golang::{Module, Source};

/// An open file, and its size when it was opened.
struct OpenFile(File, u64);

impl Source for OpenFile {
    fn size(&self) -> u64 {
        self.1
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

fn main() -> io::Result<()> {
    let Some(path) = env::args_os().nth(1) else {
        return Err(io::Error::other("usage: buildinfo FILE"));
    };
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    // Reads some ten ranges of the file, whatever its size.
    let image = tracego_golang::read(&OpenFile(file, size))?;
    if let Some(elf) = &image.elf {
        println!("linkage   {:?}, pie {}, stripped {}", elf.linkage, elf.pie, elf.stripped);
    }
    for damage in &image.damage {
        println!("damaged   {damage:?}");
    }
    for part in &image.inconsistent {
        println!("contradicts its build information: {}", part.text());
    }
    let Some(build) = &image.go else {
        println!("not built by Go");
        return Ok(());
    };
    println!("go        {}", build.version);
    println!("package   {}", build.path);
    if let Some(Module { path, version, .. }) = &build.main {
        println!("module    {path} {version}");
    }
    if let Some(revision) = build.revision() {
        let state = if build.modified() == Some(true) { " (changed files)" } else { "" };
        println!("commit    {revision}{state}");
    }
    println!("modules   {}", build.dependencies.len());
    Ok(())
}
