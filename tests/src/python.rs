//! Python and npm packages that tests compare tracego with, installed once below `target` from files that pin
//! each package by its hash.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// Returns a Python interpreter with the packages of `tests/python/<name>.txt`.
///
/// # Errors
/// Names what is missing on this machine, in few words.
pub fn environment(name: &str) -> Result<PathBuf, String> {
    let list = source().join(format!("{name}.txt"));
    let wanted = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let folder = target().join("python").join(name);
    let python = folder.join("bin/python");
    install_once(&folder, &wanted, || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        // A package may ask for a newer Python than the part of it that is used needs.
        let only = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--ignore-requires-python"];
        run(Command::new(&python).args(install).args(only).arg("--requirement").arg(&list))
    })?;
    Ok(python)
}

/// Returns the folder of an unpacked npm package. `sha512` is its integrity value in the registry.
///
/// # Errors
/// Names what is missing on this machine, in few words.
pub fn npm_package(name: &str, version: &str, sha512: &str) -> Result<PathBuf, String> {
    let folder = target().join("npm").join(name.replace('/', "+"));
    install_once(&folder, &format!("{version} {sha512}"), || {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let spec = format!("{name}@{version}");
        let told = run(Command::new("npm").args(["pack", "--json", &spec]).current_dir(&folder))?;
        let told: serde_json::Value = serde_json::from_str(&told).map_err(|error| error.to_string())?;
        let archive = told[0]["filename"].as_str().unwrap_or_default();
        // npm checks the package against the registry's integrity value; this check compares that value with
        // ours.
        if told[0]["integrity"] != format!("sha512-{sha512}") {
            return Err(format!("{spec} is not the one that is pinned"));
        }
        run(Command::new("tar").args(["-xzf", archive]).current_dir(&folder))
    })?;
    Ok(folder.join("package"))
}

/// Runs a script of `tests/node/<name>` with the packages that its lock file pins. Returns its output.
///
/// # Errors
/// Names what is missing on this machine, in few words, or fails as the script does.
pub fn node_script(name: &str, file: &str, arguments: &[&str]) -> Result<String, String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("node").join(name);
    let lock = from.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let folder = target().join("npm").join(name);
    install_once(&folder, &wanted, || {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(from.join(file), folder.join(file)).map_err(|error| error.to_string())?;
        }
        // A package may ask for a newer Node than the part of it that is used needs.
        let install = ["ci", "--force", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(install).current_dir(&folder))
    })?;
    run(Command::new("node")
        .arg(from.join(file))
        .args(arguments)
        .env("NODE_PATH", folder.join("node_modules")))
}

/// Runs a script of `tests/python` and returns its output.
///
/// # Panics
/// Panics if it fails.
#[must_use]
pub fn script(python: &Path, name: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(python);
    command.arg(source().join(name)).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut printed = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
    });
    let status = child.wait().unwrap();
    assert!(status.success(), "{name} {arguments:?}: {status}");
    printed
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// Returns the target folder; tests are in `target/<profile>/deps`.
pub(crate) fn target() -> PathBuf {
    let path = std::env::current_exe().unwrap();
    path.ancestors().nth(3).unwrap().to_owned()
}

/// Runs `install` unless the folder was installed from the same list. Concurrent tests wait for each other.
pub(crate) fn install_once<T>(
    folder: &Path,
    wanted: &str,
    install: impl FnOnce() -> Result<T, String>,
) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    let above = folder.parent().unwrap();
    fs::create_dir_all(above).map_err(said)?;
    let lock = File::create(folder.with_extension("lock")).map_err(said)?;
    lock.lock().map_err(said)?;
    let done = folder.with_extension("installed");
    if fs::read_to_string(&done).is_ok_and(|from| from == wanted) && folder.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(said)?;
    }
    install()?;
    fs::write(&done, wanted).map_err(said)
}

/// Runs a command to its end and returns its output. On failure, returns the last line of its standard error.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(format!("{program}: {last}"))
}
