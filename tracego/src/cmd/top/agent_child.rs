//! A tracego that records this machine for `tracego top`.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Parser as _;

use crate::{
    cli::{Cli, UsageError},
    cmd::{code, machine_error::MachineError},
};

/// Options that come first.
const OPTIONS: [&str; 5] = ["--output", "json", "-e", "execve,exit", "--quiet"];
/// Settings that options and variables of the user override: no file of the service, whose outputs and spool it has, and
/// a sign of life that shows that nothing happens.
const VARIABLES: [(&str, &str); 2] = [("TRACEGO_CONFIG", "none"), ("TRACEGO_HEARTBEAT", "5s")];
/// Maximum number of bytes of its messages that are kept: the first ones, since they say what went wrong.
const ERRORS_MAX: usize = 16 << 10;
/// Time that it has to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The child process.
pub(super) struct AgentChild {
    child: Child,
    errors: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

/// The end of the child process.
pub(super) struct AgentEnd {
    /// Exit code of the child.
    pub(super) code: u8,
    /// Text that it wrote to standard error.
    pub(super) errors: String,
}

impl AgentChild {
    /// Starts tracego. Returns its output, too.
    ///
    /// # Errors
    /// Fails if the options are none of tracego, or if it cannot be executed.
    pub(super) fn start(options: &[OsString]) -> anyhow::Result<(Self, ChildStdout)> {
        let name = OsString::from("tracego");
        let first = OPTIONS.iter().map(OsString::from);
        let all: Vec<OsString> = first.chain(options.iter().cloned()).collect();
        let asked = Cli::try_parse_from(std::iter::once(&name).chain(&all));
        let asked = asked.map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let reason = first.strip_prefix("error: ").unwrap_or(first);
            UsageError(format!("the options behind --: {reason}; tracego --help lists them"))
        })?;
        if asked.command.is_some() {
            return Err(UsageError("behind -- stand options of tracego, no subcommand".to_owned()).into());
        }
        let program = std::env::current_exe().context("the path of tracego is unknown")?;
        let mut command = Command::new(program);
        command.arg0(&name).args(&all).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (variable, value) in VARIABLES {
            if std::env::var_os(variable).is_none() {
                command.env(variable, OsStr::new(value));
            }
        }
        // SAFETY: the calls are safe between fork and exec, and take plain numbers.
        unsafe {
            command.pre_exec(|| {
                // It would find out that nobody reads only with its next record. SIGTERM lets it end in order.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                // Ctrl-C and Ctrl-Z of the terminal are for this process, which ends the other one itself.
                libc::setpgid(0, 0);
                Ok(())
            });
        }
        let mut child = command.spawn().context("tracego cannot be executed").map_err(MachineError::of)?;
        let (Some(output), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(MachineError::of(anyhow::anyhow!("the child process has no pipes")));
        };
        let errors = Arc::default();
        let listener = thread::spawn({
            let errors = Arc::clone(&errors);
            move || listen(stderr, &errors)
        });
        Ok((Self { child, errors, listener }, output))
    }

    /// Returns the last line that it wrote to standard error.
    pub(super) fn last_words(&mut self) -> String {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&errors).into_owned();
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
    }

    /// Asks it to end, and waits for that.
    pub(super) fn end(mut self) -> AgentEnd {
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            // SAFETY: the child is not reaped yet, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let code = match self.wait() {
            Ok(status) => exit_code(status),
            Err(_) => code::RUNNING,
        };
        let _panicked = self.listener.join();
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        AgentEnd { code, errors: String::from_utf8_lossy(&errors).into_owned() }
    }

    fn wait(&mut self) -> io::Result<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begin.elapsed() > PATIENCE {
                self.child.kill()?;
                return self.child.wait();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Returns the exit code of a status: of a signal, 128 and its number.
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let number = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(number).unwrap_or(code::RUNNING)
}

/// Keeps what is written to standard error, as far as there is room.
fn listen(mut stderr: ChildStderr, errors: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(read) = stderr.read(&mut buffer) {
        if read == 0 {
            return;
        }
        let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
        let room = ERRORS_MAX.saturating_sub(errors.len());
        errors.extend_from_slice(&buffer[..read.min(room)]);
    }
}
