//! The folder that examples run in: captures and policies of the repository, a configuration and keys.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The key pair of RFC 8410, section 10.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

/// A folder of its own for the examples of a document.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Creates a folder with what examples may name.
    pub(crate) fn prepared() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = super::root();
        for name in ["deploy/policies", "tests/golden"] {
            copy(&root.join(name), &folder.0.path().join(name));
        }
        folder.write("deploy/tracego.toml", &fs::read_to_string(root.join("deploy/tracego.toml")).unwrap());
        let data = root.join("tests/data/sigstore");
        for (from, to) in [
            ("a.txt", "dist/shop"),
            ("bundle-verify/happy-path-v0.3/bundle.sigstore.json", "dist/shop.sigstore.json"),
            ("slsa-go/binary-linux-amd64-push-v14.2.intoto.jsonl", "attestations/shop.jsonl"),
        ] {
            folder.write(to, &fs::read_to_string(data.join(from)).unwrap());
        }
        folder.write("seal.pem", PRIVATE_KEY);
        folder.write("seal.pub", PUBLIC_KEY);
        folder
    }

    /// Writes a file that others cannot read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Runs a command in the folder. Returns whether it succeeded, and both of its outputs in order.
    pub(crate) fn run(&self, command: &str) -> (bool, String) {
        let tracego = tracego_tests::tracego();
        let path =
            std::env::join_paths([tracego.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")]);
        let mut shell = Command::new("sh");
        // Only these variables: those of a CI job, or of tracego's options, would change what is shown.
        shell.env_clear().env("PATH", path.unwrap()).env("LC_ALL", "C.UTF-8");
        shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).current_dir(self.0.path()).stdin(Stdio::null());
        let output = shell.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
