//! The enforcement check: a program start that must be refused, to show that enforcement works.

use std::{
    io,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Command, Stdio},
};

use tracego_model::enforcement::Mode;

use super::compiler;

/// Path by which tracego starts itself; valid even if its file was replaced or removed.
const ITSELF: &str = "/proc/self/exe";

/// The outcome of an enforcement check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CheckOutcome {
    /// execve failed with EPERM.
    Denied,
    /// The program was killed before its first instruction.
    Killed,
    /// The program ran.
    Ran,
    /// The program could not be started, which proves nothing.
    Unknown(String),
}

/// The program start of the check: tracego itself, stopped by a rule of its own. Started by hand, it prints
/// the version.
#[derive(Clone, Debug)]
pub struct EnforcementCheck {
    rule: compiler::CheckMatch,
}

impl EnforcementCheck {
    /// Creates a check with a random argument that nobody can guess.
    ///
    /// # Errors
    /// Fails if there is no randomness, or if the name of the executable is unknown.
    pub fn new() -> io::Result<Self> {
        let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        let path = std::env::current_exe()?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidFilename)?;
        let args = vec!["--version".to_owned(), random.trim().to_owned()];
        Ok(Self { rule: compiler::CheckMatch { executable: name.to_owned(), args } })
    }

    /// Returns the match of the rule that must stop the check.
    #[must_use]
    pub fn rule(&self) -> &compiler::CheckMatch {
        &self.rule
    }

    /// Whether a start is this check, by the path of the executable and its NUL-terminated arguments.
    #[must_use]
    pub fn is(&self, path: &[u8], argv: &[u8]) -> bool {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let mut words = argv.split(|&byte| byte == 0);
        let same = |wanted: &String| words.next() == Some(wanted.as_bytes());
        (name == self.rule.executable.as_bytes() || path == ITSELF.as_bytes())
            && std::iter::once(&self.rule.executable).chain(&self.rule.args).all(same)
    }

    /// Runs the check.
    #[must_use]
    pub fn run(&self) -> CheckOutcome {
        let mut command = Command::new(ITSELF);
        command.arg0(&self.rule.executable).args(&self.rule.args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status() {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => CheckOutcome::Denied,
            Err(error) => CheckOutcome::Unknown(error.to_string()),
            Ok(status) if status.signal() == Some(libc::SIGKILL) => CheckOutcome::Killed,
            Ok(_) => CheckOutcome::Ran,
        }
    }
}

impl CheckOutcome {
    /// Returns the mode that is in force. `asked`: the configured mode.
    ///
    /// # Errors
    /// Returns the reason if programs are not stopped.
    pub fn mode_in_force(&self, asked: Mode) -> Result<Mode, String> {
        match (self, asked) {
            (_, Mode::Off | Mode::Audit) => Ok(asked),
            (Self::Denied, _) => Ok(Mode::Deny),
            (Self::Killed, _) => Ok(Mode::Kill),
            (Self::Ran, _) => Err("the enforcement check ran although it must be stopped".to_owned()),
            (Self::Unknown(error), _) => Err(format!("the enforcement check failed: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_what_the_rule_stops_is_taken_for_it() {
        let args = vec!["--version".to_owned(), "word".to_owned()];
        let check =
            EnforcementCheck { rule: compiler::CheckMatch { executable: "tracego".to_owned(), args } };
        let argv = b"tracego\0--version\0word\0";
        assert!(check.is(b"/usr/bin/tracego", argv) && check.is(b"/proc/self/exe", argv));
        assert!(!check.is(b"/tmp/evil", argv) && !check.is(b"/tmp/tracego (deleted)", argv));
        assert!(!check.is(b"/usr/bin/tracego", b"tracego\0--version\0") && !check.is(b"", b""));
    }
}
