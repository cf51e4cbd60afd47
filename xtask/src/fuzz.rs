//! `cargo xtask fuzz`: coverage-guided fuzzing of everything that reads bytes from outside.
//!
//! libFuzzer with the coverage that stable rustc can insert: no nightly, no cargo-fuzz.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{shell, side_by_side, toolchain};

/// Which targets, and for how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these targets; all without a name
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Afterwards put the fewest inputs with the same coverage into tests/fuzz/corpus
    #[arg(long)]
    keep: bool,
}

/// For all crates: the checks of a debug build, since an overflow is a defect too.
const FLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Coverflow-checks";
/// What cargo-fuzz passes for libFuzzer without a sanitizer, in the options that stable rustc has. Only for what is
/// fuzzed: compiling takes twice as long with them.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Crates of others that read what the targets read.
const READERS: [&str; 10] = [
    "flate2",
    "httparse",
    "hyper",
    "miniz_oxide",
    "object",
    "prost",
    "regorus",
    "serde_json",
    "tar",
    "zerocopy",
];
/// Longest input in bytes: a record with a prefix of arguments fits.
const LONGEST: u32 = 64 * 1024;
/// Longest input of the committed corpus: it is read in reviews and by every clone.
const LONGEST_KEPT: u32 = 4 * 1024;
/// Inputs of the committed corpus of a target.
const MOST_KEPT: usize = 100;
/// Seconds that one input may take.
const SLOWEST: u32 = 10;

/// Fuzzes; the first target that fails ends it, and its input is named.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = shell::root()?.join("tests/fuzz");
    let known = targets(&folder)?;
    if let Some(unknown) = args.targets.iter().find(|name| !known.contains(name)) {
        bail!("no fuzz target is called {unknown}; there are: {}", known.join(", "));
    }
    // libFuzzer itself is C++.
    toolchain::install_command("c++", "g++", "libFuzzer is compiled from source")?;
    let host = shell::host()?;
    let target = shell::target()?.join("fuzz");
    // The versions that are tested elsewhere; only what libFuzzer's crate needs is added.
    let lock = folder.join("Cargo.lock");
    fs::copy(shell::root()?.join("Cargo.lock"), &lock)
        .with_context(|| format!("cannot write {}", lock.display()))?;
    let wrapper = wrapper(&target)?;
    let mut build = shell::cargo()?;
    build.current_dir(&folder).args(["build", "--release", "--target", &host, "--target-dir"]);
    shell::must(build.arg(&target).env("RUSTFLAGS", FLAGS).env("RUSTC_WRAPPER", wrapper))?;
    let programs = target.join(&host).join("release");
    let chosen = known.iter().filter(|name| args.targets.is_empty() || args.targets.contains(name));
    let chosen: Vec<_> = chosen.collect();
    side_by_side::all(&chosen, side_by_side::cpus(), |name| {
        fuzz(&programs.join(name), name, &folder, &target, args)
    })?;
    Ok(())
}

/// A program that cargo starts instead of rustc, which adds [`COVERAGE`] for some crates: stable cargo has flags for all
/// of them only.
fn wrapper(target: &Path) -> Result<PathBuf> {
    let (root, readers) = (shell::root()?, READERS.join("|"));
    // What is compiled for this machine and not for a target are build scripts and macros.
    let text = format!(
        "#!/bin/sh\n\
         case \" $* \" in *' --target '*) ;; *) exec \"$@\" ;; esac\n\
         case \"$CARGO_PKG_NAME\" in {readers}) exec \"$@\" {COVERAGE} ;; esac\n\
         case \"$CARGO_MANIFEST_DIR\" in '{}'/*) exec \"$@\" {COVERAGE} ;; esac\n\
         exec \"$@\"\n",
        root.display()
    );
    fs::create_dir_all(target).with_context(|| format!("cannot make {}", target.display()))?;
    let path = target.join("rustc");
    // One that is newer would have everything compiled again.
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(path);
    }
    // Not in place: another build may just run it.
    let new = target.join("rustc.new");
    fs::write(&new, text).with_context(|| format!("cannot write {}", new.display()))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(&new, &path)?;
    Ok(path)
}

/// Names of the targets: each has a file of its own.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn fuzz(program: &Path, name: &str, folder: &Path, target: &Path, args: &Args) -> Result<()> {
    let committed = folder.join("corpus").join(name);
    let (found, failed) = (target.join("corpus").join(name), target.join("failed").join(name));
    for folder in [&committed, &found, &failed] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = fuzzer(program, LONGEST);
    command.arg(format!("-max_total_time={}", args.seconds));
    command.arg(format!("-artifact_prefix={}/", failed.display()));
    command.args(["-print_final_stats=1", "-verbosity=0"]).args([&found, &committed]);
    eprintln!("fuzzing {name} for {} s", args.seconds);
    let output = command.output().with_context(|| format!("cannot start {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{name}: {}; the input is in {}\n{text}", output.status, failed.display());
    }
    let runs = text.lines().find(|line| line.starts_with("stat::number_of_executed_units"));
    eprintln!("{name}: {}", runs.context("libFuzzer printed no number of runs")?);
    if args.keep { keep(program, &found, &committed) } else { Ok(()) }
}

/// Replaces the committed inputs by few short ones: of the fewest that cover what all of them cover, some
/// of each length.
fn keep(program: &Path, found: &Path, committed: &Path) -> Result<()> {
    let all = tempfile::tempdir()?;
    let folders = [all.path(), committed, found];
    shell::must(fuzzer(program, LONGEST_KEPT).arg("-set_cover_merge=1").args(folders))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(all.path())? {
        let entry = entry?;
        files.push((entry.metadata()?.len(), entry.path()));
    }
    ensure!(!files.is_empty(), "nothing is left of {}", committed.display());
    files.sort();
    fs::remove_dir_all(committed)?;
    fs::create_dir_all(committed)?;
    for (_, path) in files.iter().step_by(files.len().div_ceil(MOST_KEPT)) {
        fs::copy(path, committed.join(path.file_name().context("a file without a name")?))?;
    }
    Ok(())
}

fn fuzzer(program: &Path, longest: u32) -> Command {
    let mut command = Command::new(program);
    command.args([format!("-max_len={longest}"), format!("-timeout={SLOWEST}")]);
    command.arg("-rss_limit_mb=2048").env("RUST_BACKTRACE", "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_declared_and_has_a_corpus() {
        let folder = shell::root().unwrap().join("tests/fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let names = targets(&folder).unwrap();
        assert!(!names.is_empty());
        for name in &names {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
        }
        let corpora = fs::read_dir(folder.join("corpus")).unwrap();
        let mut corpora: Vec<_> =
            corpora.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        corpora.sort();
        assert_eq!(corpora, names);
    }
}
