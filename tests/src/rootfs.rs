//! Root folders of containers, made of the machine's own files: no image is fetched.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Makes a root folder with these programs below `/bin`, the libraries that they need, and mount points.
///
/// # Panics
/// Panics if a file cannot be copied.
pub fn fill(folder: &Path, programs: &[PathBuf]) {
    for name in ["bin", "proc", "sys", "dev", "tmp", "etc", "run"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for program in programs {
        fs::copy(program, folder.join("bin").join(program.file_name().unwrap())).unwrap();
        let ldd = Command::new("ldd").arg(program).output().unwrap();
        let paths = String::from_utf8(ldd.stdout).unwrap();
        for library in paths.split_ascii_whitespace().filter(|word| word.starts_with('/')) {
            let to = folder.join(library.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(library, to).unwrap();
        }
    }
}
