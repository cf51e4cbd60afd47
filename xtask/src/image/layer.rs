//! The files of an image: a tar archive whose entries have the time of the commit and belong to root.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

use crate::digest;

/// Level of compression. The program has 36 MB, of which gzip leaves 14.8 and level 19 leaves 11.1.
const LEVEL: i32 = 19;

/// Capabilities of the program: of what the container may have, a user who is not root has none but these.
const CAPABILITIES: [u32; 4] = [
    2,  // CAP_DAC_READ_SEARCH
    19, // CAP_SYS_PTRACE
    38, // CAP_PERFMON
    39, // CAP_BPF
];
/// The attribute of a file that holds its capabilities, as archives name it.
const ATTRIBUTE: &str = "SCHILY.xattr.security.capability";

/// A layer, complete or not.
pub(super) struct Layer {
    time: u64,
    folders: BTreeSet<PathBuf>,
    tar: Builder<Vec<u8>>,
    /// The compressed archive.
    pub(super) bytes: Vec<u8>,
    /// SHA-256 of the archive without compression.
    pub(super) content: String,
}

impl Layer {
    pub(super) fn new(time: u64) -> Self {
        let (folders, bytes) = (BTreeSet::new(), Vec::new());
        Self { time, folders, tar: Builder::new(Vec::new()), bytes, content: String::new() }
    }

    /// Adds a folder, and those above it.
    pub(super) fn folder(&mut self, path: &str) -> Result<()> {
        let mut at = PathBuf::new();
        for part in Path::new(path).components() {
            let Component::Normal(name) = part else { continue };
            at.push(name);
            if self.folders.insert(at.clone()) {
                let name = format!("{}/", at.display());
                self.entry(&name, EntryType::Directory, 0o755, &[])?;
            }
        }
        Ok(())
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        let folder = Path::new(path).parent().context("a file without a folder")?;
        self.folder(&folder.display().to_string())?;
        self.entry(path, EntryType::Regular, mode, content)
    }

    /// Adds the program, with its capabilities.
    pub(super) fn program(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let folder = Path::new(path).parent().context("a file without a folder")?;
        self.folder(&folder.display().to_string())?;
        self.tar.append_pax_extensions([(ATTRIBUTE, &capabilities()[..])])?;
        self.entry(path, EntryType::Regular, 0o755, content)
    }

    fn entry(&mut self, path: &str, kind: EntryType, mode: u32, content: &[u8]) -> Result<()> {
        let mut header = header(kind, mode, self.time, content);
        self.tar.append_data(&mut header, path, content)?;
        Ok(())
    }

    /// Ends the archive and compresses it.
    pub(super) fn finish(mut self) -> Result<Self> {
        self.tar.finish()?;
        let tar = self.tar.get_ref();
        self.content = digest::of_bytes(tar);
        self.bytes = zstd::bulk::compress(tar, LEVEL)?;
        Ok(self)
    }
}

/// Returns the capabilities as the kernel keeps them (`struct vfs_cap_data`, revision 2). The flag for effective ones is
/// not set: with it, the kernel would not start the program in a container that lacks one of them. tracego puts into
/// effect what it is permitted.
fn capabilities() -> [u8; 20] {
    const REVISION_2: u32 = 0x0200_0000;
    let all: u64 = CAPABILITIES.iter().map(|number| 1 << number).sum();
    let mut bytes = [0; 20];
    // Revision and flags, then the lower and the upper half of the permitted set, each followed by the inheritable one.
    let words = [u64::from(REVISION_2), all & 0xffff_ffff, 0, all >> 32, 0];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes()[..4]);
    }
    bytes
}

/// Returns the header of root's entry with a content.
pub(super) fn header(kind: EntryType, mode: u32, time: u64, content: &[u8]) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time);
    header.set_size(content.len() as u64);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capabilities_are_those_that_setcap_writes() {
        // getfattr -n security.capability -e hex, behind setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+p
        let wanted = "0000000204000800".to_owned() + "00000000" + "c0000000" + "00000000";
        let found: String = capabilities().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn entries_have_one_time_and_owner_and_folders_come_first_and_once() {
        let layer = |time| {
            let mut layer = Layer::new(time);
            layer.file("etc/a", 0o644, b"1").unwrap();
            layer.program("usr/bin/b", b"2").unwrap();
            layer.file("etc/c", 0o600, b"3").unwrap();
            layer.finish().unwrap()
        };
        let made = layer(1_700_000_000);
        assert_eq!(made.bytes, layer(1_700_000_000).bytes);
        assert_ne!(made.content, layer(1_700_000_001).content);
        let bytes = zstd::stream::decode_all(&*made.bytes).unwrap();
        assert_eq!(digest::of_bytes(&bytes), made.content);
        let mut found = Vec::new();
        for entry in tar::Archive::new(&*bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            let owner = (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
            assert_eq!(owner, (0, 0, 1_700_000_000));
            let attributes = entry.pax_extensions().unwrap().map_or(0, Iterator::count);
            let path = entry.path().unwrap().display().to_string();
            found.push((path, header.mode().unwrap(), attributes));
        }
        let wanted = [
            ("etc/", 0o755, 0),
            ("etc/a", 0o644, 0),
            ("usr/", 0o755, 0),
            ("usr/bin/", 0o755, 0),
            ("usr/bin/b", 0o755, 1),
            ("etc/c", 0o600, 0),
        ];
        assert_eq!(found, wanted.map(|(path, mode, attributes)| (path.to_owned(), mode, attributes)));
    }
}
