//! Images that are made of programs of the machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::rootfs;

/// Attribute of a file with the capabilities of the program in it.
const ATTRIBUTE: &std::ffi::CStr = c"security.capability";

/// The root folder of an image that is to be made.
pub struct ImageFolder {
    folder: tempfile::TempDir,
    entrypoint: Vec<String>,
}

impl ImageFolder {
    /// Makes a folder with these programs below `/bin`, and the libraries that they need.
    ///
    /// # Panics
    /// Panics if a file cannot be copied.
    #[must_use]
    pub fn new(programs: &[PathBuf]) -> Self {
        let image = Self { folder: tempfile::tempdir().unwrap(), entrypoint: Vec::new() };
        rootfs::fill(&image.root(), programs);
        image
    }

    /// Sets the command line that containers have by default.
    #[must_use]
    pub fn entry(self, line: &[&str]) -> Self {
        Self { entrypoint: line.iter().map(|&word| word.to_owned()).collect(), ..self }
    }

    /// Returns the root folder.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("rootfs")
    }

    /// Writes which capabilities a program of the image has, as `setcap …+ep` does: a set of bits.
    ///
    /// # Panics
    /// Panics if the file system does not keep that.
    pub fn permit(&self, program: &str, capabilities: u64) {
        // struct vfs_cap_data of linux/capability.h, revision 2, with the bit that makes them effective.
        let words = [
            0x0200_0001,
            u32::try_from(capabilities & 0xffff_ffff).unwrap(),
            0,
            u32::try_from(capabilities >> 32).unwrap(),
            0,
        ];
        let value: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let path = self.root().join(program.trim_start_matches('/'));
        let path = std::ffi::CString::new(path.into_os_string().into_encoded_bytes()).unwrap();
        // SAFETY: two strings that end with 0, and a buffer with its length.
        let set = unsafe {
            libc::setxattr(path.as_ptr(), ATTRIBUTE.as_ptr(), value.as_ptr().cast(), value.len(), 0)
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }

    /// Writes an archive as `docker save` does. Returns its path; it is removed with the folder.
    ///
    /// # Panics
    /// Panics if it cannot be written.
    pub(super) fn archive(&self, name: &str) -> PathBuf {
        let folder = self.folder.path();
        fs::set_permissions(self.root(), fs::Permissions::from_mode(0o755)).unwrap();
        let layer = folder.join("layer.tar");
        let attributes = ["--xattrs", "--xattrs-include=security.capability", "--owner=0", "--group=0"];
        tar(&layer, &self.root(), &attributes, &["."]);
        let sum = Command::new("sha256sum").arg(&layer).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sum.split(' ').next().unwrap())]},
        });
        let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
        fs::write(folder.join("config.json"), config.to_string()).unwrap();
        fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
        let archive = folder.join("image.tar");
        tar(&archive, folder, &[], &["manifest.json", "config.json", "layer.tar"]);
        archive
    }
}

fn tar(archive: &Path, from: &Path, options: &[&str], names: &[&str]) {
    let mut tar = Command::new("tar");
    let packed = tar.arg("-C").arg(from).args(options).arg("-cf").arg(archive).args(names).status();
    assert!(packed.unwrap().success(), "tar {}", archive.display());
}
