//! The builds of the program that ships. The bytes depend neither on the folder of the workspace nor on that of cargo.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Target of the static program. It has to be named, or the flags would be those of build scripts and macros, too.
pub(crate) const STATIC_TARGET: &str = "x86_64-unknown-linux-gnu";
/// Flags for the static program. Packed relative relocations make it smaller. The start code of glibc 2.36, which is
/// part of the program, applies them, so the C library of the machine need not know them.
const STATIC_FLAGS: [&str; 2] = ["-Ctarget-feature=+crt-static", "-Clink-arg=-Wl,-z,pack-relative-relocs"];

/// Origin of the C library of a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Linkage {
    /// The machine's library: packages.
    Shared,
    /// A copy in the program: images.
    Static,
}

/// A workspace and the folder of its build output.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Returns the workspace that this program belongs to.
    pub(crate) fn own() -> Result<Self> {
        Ok(Self { root: shell::root()?, target: shell::target()? })
    }

    /// Copies all files that git knows, as they are now, to an empty folder.
    pub(crate) fn copy(to: &Path) -> Result<Self> {
        let root = to.join("sources");
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        let script = "git ls-files -z | xargs -0 cp --parents --no-dereference --target-directory \"$1\"";
        let mut copy = Command::new("sh");
        shell::run(copy.args(["-c", script, "sh"]).arg(&root).current_dir(shell::root()?))?;
        Ok(Self { root, target: to.join("output") })
    }

    /// Builds the program. Returns its path.
    pub(crate) fn build(&self, linkage: Linkage) -> Result<PathBuf> {
        let library = PathBuf::from(shell::output(Command::new("rustc").args(["--print", "sysroot"]))?);
        let library = library.join("lib/rustlib/src/rust");
        let mut names = vec![(self.root.clone(), "/tracego"), (cargo_home()?, "/cargo"), (library, "/rust")];
        if !self.target.starts_with(&self.root) {
            names.push((self.target.clone(), "/tracego/target"));
        }
        let option =
            |option: &str, (path, name): &(PathBuf, &str)| format!("{option}={}={name}", path.display());
        let mut flags: Vec<String> = match linkage {
            Linkage::Shared => Vec::new(),
            Linkage::Static => STATIC_FLAGS.map(str::to_owned).into(),
        };
        flags.extend(names.iter().map(|name| option("--remap-path-prefix", name)));
        let c_flags: Vec<String> = names.iter().map(|name| option("-ffile-prefix-map", name)).collect();
        ensure!(
            !c_flags.iter().any(|flag| flag.contains(' ')),
            "a folder has a blank in its name: {c_flags:?}"
        );
        let mut cargo = shell::cargo()?;
        cargo.args(["build", "--package", "tracego", "--bin", "tracego", "--locked", "--profile", "dist"]);
        cargo.arg("--target-dir").arg(&self.target).current_dir(&self.root);
        cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        cargo.env("CFLAGS", c_flags.join(" "));
        let folder = match linkage {
            Linkage::Shared => self.target.clone(),
            Linkage::Static => {
                cargo.args(["--target", STATIC_TARGET]);
                self.target.join(STATIC_TARGET)
            }
        };
        shell::run(&mut cargo)?;
        let program = folder.join("dist/tracego");
        let content = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
        for (path, _) in names {
            ensure!(!has(&content, &path), "{} has the path {} in it", program.display(), path.display());
        }
        Ok(program)
    }
}

/// Returns the folder of cargo's downloads.
fn cargo_home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.context("neither CARGO_HOME nor HOME is set")
}

/// Returns whether a path is somewhere in a program.
fn has(content: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    memchr::memmem::find(content, path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_program_is_found() {
        assert!(has(b"\0/home/me/src/main.rs\0", Path::new("/home/me")));
        assert!(!has(b"\0/tracego/src/main.rs\0", Path::new("/home/me")));
    }

    #[test]
    fn a_copy_has_the_sources_and_nothing_built() {
        let folder = tempfile::tempdir().unwrap();
        let copy = Workspace::copy(folder.path()).unwrap();
        assert!(copy.root.join("tracego/src/main.rs").exists());
        assert!(!copy.root.join("target").exists());
    }
}
