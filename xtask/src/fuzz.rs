//! `cargo xtask fuzz`: coverage-guided fuzzing of everything that reads bytes from outside.
//!
//! libFuzzer with the coverage that stable rustc can insert: no nightly, no cargo-fuzz.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{parallel, shell, toolchain};

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these targets; all without a name
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Afterwards, replace tests/fuzz/corpus by the fewest inputs with the same coverage
    #[arg(long)]
    keep: bool,
}

/// Flags for all crates: the checks of a debug build, because an overflow is a defect too.
const FLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Coverflow-checks";
/// Flags that cargo-fuzz passes for libFuzzer without a sanitizer, as options of stable rustc. Only for
/// fuzzed crates, because they double the compile time.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Dependencies that parse the inputs of the targets.
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
/// Maximum length of an input in bytes: an event with a prefix of its arguments fits.
const LONGEST: u32 = 64 * 1024;
/// Maximum length of an input in the committed corpus, which is read in reviews and cloned by everyone.
const LONGEST_KEPT: u32 = 4 * 1024;
/// Maximum number of inputs in the committed corpus of a target.
const MOST_KEPT: usize = 100;
/// Time limit for one input, in seconds.
const SLOWEST: u32 = 10;

/// Fuzzes the targets. Stops at the first target that fails, and names its input.
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
    // Uses the dependency versions that are tested elsewhere; only those of libFuzzer's crate are added.
    let lock = folder.join("Cargo.lock");
    fs::copy(shell::root()?.join("Cargo.lock"), &lock)
        .with_context(|| format!("cannot write {}", lock.display()))?;
    let wrapper = wrapper(&target)?;
    let mut build = shell::cargo()?;
    build.current_dir(&folder).args(["build", "--release", "--target", &host, "--target-dir"]);
    shell::run(build.arg(&target).env("RUSTFLAGS", FLAGS).env("RUSTC_WRAPPER", wrapper))?;
    let programs = target.join(&host).join("release");
    let chosen = known.iter().filter(|name| args.targets.is_empty() || args.targets.contains(name));
    let chosen: Vec<_> = chosen.collect();
    parallel::all(&chosen, parallel::cpus(), |name| {
        fuzz(&programs.join(name), name, &folder, &target, args)
    })?;
    Ok(())
}

/// Writes a rustc wrapper that adds [`COVERAGE`] for some crates only. Stable cargo can set flags only for
/// all crates. Returns the path of the wrapper.
fn wrapper(target: &Path) -> Result<PathBuf> {
    let (root, readers) = (shell::root()?, READERS.join("|"));
    // Crates compiled without `--target` are build scripts and macros.
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
    // A newer wrapper would recompile everything.
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(path);
    }
    // Not written in place, because another build may be running it.
    let new = target.join("rustc.new");
    fs::write(&new, text).with_context(|| format!("cannot write {}", new.display()))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(&new, &path)?;
    Ok(path)
}

/// Returns the names of the targets; each has its own file.
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

/// Replaces the committed inputs by a small set of short ones: from the fewest that keep the coverage, a
/// sample of all lengths.
fn keep(program: &Path, found: &Path, committed: &Path) -> Result<()> {
    let all = tempfile::tempdir()?;
    let folders = [all.path(), committed, found];
    shell::run(fuzzer(program, LONGEST_KEPT).arg("-set_cover_merge=1").args(folders))?;
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
