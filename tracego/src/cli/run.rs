//! The options of `tracego run`.

use std::{ffi::OsString, str::FromStr, time::Duration};

use clap::Args;
use tracego_analyze::rules::place::Profile;
use tracego_model::{finding::Severity, units::Span};

use super::{WatchOptions, heading};

/// Time that `--profile ci` waits for processes that outlive the command.
const WAIT_TREE: Duration = Duration::from_secs(10);

/// The options of `tracego run`.
#[derive(Args, Debug)]
pub struct Run {
    /// Options for watching. Without --output and --output-file only the summary is printed, on standard error;
    /// --output json and --output text write the records there, too.
    #[command(flatten)]
    pub watch: WatchOptions,
    /// Wait for descendants that outlive the command, however long they run.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, conflicts_with = "wait_tree")]
    pub wait: bool,
    /// Wait at most this long for descendants that outlive the command (500ms, 30s, 5m; 0 for none).
    ///
    /// The summary has the number of those that still run. Default: 10s with --profile ci, else 0.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "DURATION")]
    pub wait_tree: Option<Span>,
    /// End with 5 if a finding of at least this severity was made and the command itself succeeded: low,
    /// medium, high, critical, or never.
    ///
    /// Default: high with --profile ci, else never.
    #[arg(help_heading = heading::FINDINGS)]
    #[arg(long, value_name = "SEVERITY", value_parser = fail_on)]
    pub fail_on: Option<FailOn>,
    /// End with 4 if records or decisions are missing or descendants still run, whatever the command's own status is.
    ///
    /// Without this option, 4 only replaces a status of 0.
    #[arg(help_heading = heading::FINDINGS)]
    #[arg(long)]
    pub fail_on_loss: bool,
    /// Start the command although --enforce is not in force, and do not end with 3 because of that.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long)]
    pub enforce_optional: bool,
    /// Run the command as this user, with the user's groups, HOME, USER and LOGNAME: a name, a number, or
    /// caller, which is the user who called sudo.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "USER")]
    pub user: Option<CommandUser>,
    /// Command and its arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

impl Run {
    /// Returns the severity from which findings make the run fail.
    #[must_use]
    pub fn least_severity(&self) -> Option<Severity> {
        match self.fail_on {
            Some(FailOn::Never) => None,
            Some(FailOn::From(severity)) => Some(severity),
            None => self.watch.records.profile.fail_on(),
        }
    }

    /// Returns the maximum wait for descendants that outlive the command; `None` for no limit.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        match self.wait_tree {
            _ if self.wait => None,
            Some(Span(duration)) => Some(duration),
            None if self.watch.records.profile == Profile::Ci => Some(WAIT_TREE),
            None => Some(Duration::ZERO),
        }
    }
}

/// The severity from which `tracego run` fails because of findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailOn {
    /// Findings never make the run fail.
    Never,
    /// Findings of at least this severity make the run fail.
    From(Severity),
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    match text {
        "never" => Ok(FailOn::Never),
        _ => text.parse().map(FailOn::From).map_err(|error| format!("{error}, or never")),
    }
}

/// The user that the command runs as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CommandUser {
    /// The user who called sudo.
    Caller,
    /// User by number.
    Number(u32),
    /// User by name.
    Name(String),
}

impl FromStr for CommandUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "caller" {
            return Ok(Self::Caller);
        }
        if text.is_empty() || text.contains(['\0', ':', '/']) {
            return Err("write the name or the number of a user, or caller".to_owned());
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // The kernel takes the highest number for "no change".
            let number = text.parse().ok().filter(|&number| number != u32::MAX);
            return number.map(Self::Number).ok_or_else(|| "too large for the number of a user".to_owned());
        }
        Ok(Self::Name(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn run(line: &str) -> Run {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Some(Command::Run(run)) = cli.command else { panic!() };
        run
    }

    #[test]
    fn a_job_waits_for_its_tree_and_a_plain_run_does_not() {
        assert_eq!(run("tracego run -- x").patience(), Some(Duration::ZERO));
        assert_eq!(run("tracego run --profile ci -- x").patience(), Some(WAIT_TREE));
        assert_eq!(run("tracego run --profile ci --wait-tree 0 -- x").patience(), Some(Duration::ZERO));
        assert_eq!(run("tracego run --wait-tree 1m -- x").patience(), Some(Duration::from_secs(60)));
        assert_eq!(run("tracego run --profile ci --wait -- x").patience(), None);
    }

    #[test]
    fn users_are_named_or_numbered() {
        assert_eq!("caller".parse(), Ok(CommandUser::Caller));
        assert_eq!("1000".parse(), Ok(CommandUser::Number(1000)));
        assert_eq!("build-bot".parse(), Ok(CommandUser::Name("build-bot".to_owned())));
        for wrong in ["", "4294967295", "99999999999", "a:b", "../x"] {
            assert!(wrong.parse::<CommandUser>().is_err(), "{wrong}");
        }
    }
}
