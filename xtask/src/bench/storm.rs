//! The measured workload: programs started at full speed, or calmly.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// The programs of the storm, built from `xtask/storm`.
pub(super) struct Storm {
    storm: PathBuf,
    tiny: PathBuf,
}

/// The programs that a storm starts.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    /// The program with its arguments.
    command: Vec<OsString>,
    /// Number of ancestors that the programs have more.
    depth: usize,
}

impl Workload {
    /// A program without arguments.
    pub(super) fn of(program: &Path) -> Self {
        Self { command: vec![program.into()], depth: 0 }
    }

    /// The same program as a compiler in a CI job is started: eight arguments, and seven ancestors more.
    pub(super) fn realistic(program: &Path) -> Self {
        const ARGUMENTS: [&str; 8] = [
            "-O2",
            "-Wall",
            "-I/home/ci/work/project/include",
            "-DVERSION=\"1.2.3\"",
            "-c",
            "src/server/handler.c",
            "-o",
            "build/server/handler.o",
        ];
        let command = std::iter::once(program.into()).chain(ARGUMENTS.map(OsString::from));
        Self { command: command.collect(), depth: 7 }
    }
}

/// The result of one storm.
#[derive(Clone, Copy)]
pub(super) struct StormResult {
    /// Number of programs started.
    pub(super) starts: u64,
    /// Starts per second, all workers together.
    pub(super) rate: f64,
    /// Median lifetime in microseconds, of the slowest worker.
    pub(super) median_us: f64,
}

/// Workers of a storm at full speed: one per core of the machine that the goals are written for.
const WORKERS: usize = 2;
/// Number of variables in the environment of the programs.
const VARIABLES: usize = 40;
/// The variables among them that are on the allow-list.
const ALLOWED: [(&str, &str); 3] =
    [("GIT_COMMIT", "abc123f"), ("CI_JOB_ID", "456789"), ("GITHUB_RUN_ID", "42")];

impl Storm {
    /// Compiles both programs with the installed rustc.
    pub(super) fn build() -> Result<Self> {
        let (from, to) = (shell::root()?.join("xtask/storm"), shell::target()?.join("storm"));
        std::fs::create_dir_all(&to).context("cannot make target/storm")?;
        let rustc = |name: &str| {
            let mut rustc = Command::new("rustc");
            rustc.args(["--edition", "2024", "-O", "-o"]).arg(to.join(name));
            rustc.arg(from.join(format!("{name}.rs")));
            rustc
        };
        shell::run(&mut rustc("storm"))?;
        shell::run(
            rustc("tiny")
                .args(["-Cpanic=abort", "-Crelocation-model=static"])
                .args(["-Clink-args=-nostdlib -static"]),
        )?;
        Ok(Self { storm: to.join("storm"), tiny: to.join("tiny") })
    }

    /// Returns the path of the smallest program.
    pub(super) fn tiny_program(&self) -> &Path {
        &self.tiny
    }

    /// Returns the command that starts a program once, with the environment of a storm.
    pub(super) fn program(&self, workload: &Workload) -> Result<Command> {
        let (program, arguments) = workload.command.split_first().context("no program")?;
        let mut command = Command::new(program);
        command.args(arguments);
        Self::set_environment(&mut command);
        Ok(command)
    }

    /// Returns the smallest program.
    pub(super) fn tiny(&self) -> Workload {
        Workload::of(&self.tiny)
    }

    /// Returns the smallest program with the arguments and the ancestors of a compiler.
    pub(super) fn realistic(&self) -> Workload {
        Workload::realistic(&self.tiny)
    }

    /// Starts programs at full speed.
    pub(super) fn full(&self, workload: &Workload, seconds: u64) -> Result<StormResult> {
        self.run(workload, seconds, 0, WORKERS)
    }

    /// Starts the smallest program a hundred times a second.
    pub(super) fn calm(&self, seconds: u64) -> Result<StormResult> {
        self.run(&self.tiny(), seconds, 9_900, 1)
    }

    fn run(&self, workload: &Workload, seconds: u64, pause_us: u64, workers: usize) -> Result<StormResult> {
        let start = || self.command(workload, seconds, pause_us).spawn().context("cannot start the storm");
        let children = (0..workers).map(|_| start()).collect::<Result<Vec<Child>>>()?;
        let mut done = StormResult { starts: 0, rate: 0.0, median_us: 0.0 };
        for child in children {
            let output = child.wait_with_output()?;
            ensure!(output.status.success(), "the storm ended with {}", output.status);
            let text = String::from_utf8(output.stdout)?;
            let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
            let [starts, ns, median_ns] = numbers[..] else {
                anyhow::bail!("unexpected output of the storm: {text:?}")
            };
            done.starts += starts as u64;
            done.rate += starts / (ns / 1e9);
            done.median_us = done.median_us.max(median_ns / 1e3);
        }
        Ok(done)
    }

    /// Returns the command of one worker.
    pub(super) fn command(&self, workload: &Workload, seconds: u64, pause_us: u64) -> Command {
        let mut command = Command::new(&self.storm);
        command
            .args([seconds.to_string(), pause_us.to_string(), workload.depth.to_string()])
            .args(&workload.command);
        Self::set_environment(&mut command);
        command.stdout(Stdio::piped());
        command
    }

    fn set_environment(command: &mut Command) {
        command.env_clear().envs(ALLOWED);
        for number in 0..VARIABLES - ALLOWED.len() {
            command.env(format!("SOME_VARIABLE_{number}"), "a value of common length");
        }
    }
}
