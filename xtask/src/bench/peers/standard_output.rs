//! A recorder that writes to standard output and ends on SIGINT.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Time for a peer to attach its programs; none of them says when it is ready.
const ATTACH: Duration = Duration::from_secs(3);

/// A running command.
pub(in super::super) struct RunningCommand(Child);

impl RunningCommand {
    /// Starts the command, whose standard output becomes the file.
    pub(super) fn start(command: &[&str], records: &Path) -> Result<Self> {
        let (program, args) = command.split_first().context("a peer without a command")?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(File::create(records)?).stderr(Stdio::null());
        let mut running = Self(command.spawn().with_context(|| format!("cannot start {program}"))?);
        sleep(ATTACH);
        ensure!(running.0.try_wait()?.is_none(), "{program} ended by itself");
        Ok(running)
    }

    /// Returns the process id.
    pub(super) fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Ends the command, which writes what it holds.
    pub(super) fn stop(mut self) -> Result<()> {
        shell::succeeds(Command::new("kill").args(["-INT", &self.0.id().to_string()]));
        self.0.wait().context("a peer did not end")?;
        Ok(())
    }
}
