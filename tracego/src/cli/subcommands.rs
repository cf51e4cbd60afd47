//! Subcommands and their options.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use clap::{Args, Subcommand, ValueEnum};

use super::{View, Watch};
use tracego_analyze::rules::{
    settings::Settings,
    table::{self, Rule},
};
use tracego_model::finding::Severity;
use tracego_probe::handover::FOLDER;

/// `tracego run`.
#[derive(Args, Debug)]
pub struct Run {
    /// What to watch; records go to --output-file or to standard error.
    #[command(flatten)]
    pub watch: Watch,
    /// Wait for descendants that outlive the command.
    #[arg(long)]
    pub wait: bool,
    /// End with 5 when something so bad was found and the command itself succeeded: low, medium, high,
    /// critical, or never. Default: high with --profile ci, else never.
    #[arg(long, value_name = "SEVERITY", value_parser = fail_on)]
    pub fail_on: Option<FailOn>,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// `tracego capture`.
#[derive(Args, Debug)]
pub struct Capture {
    /// What to watch; the choice of records and of their form is made at the replay.
    #[command(flatten)]
    pub watch: Watch,
    /// The file; it must not exist.
    pub file: PathBuf,
    /// Only this command and its descendants.
    #[arg(last = true)]
    pub command: Vec<OsString>,
}

/// `tracego replay`.
#[derive(Args, Debug)]
pub struct Replay {
    /// Records.
    #[command(flatten)]
    pub view: View,
    /// The file.
    pub file: PathBuf,
}

/// `tracego doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `tracego inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// json: one object a file and line. text: for people. Default: text on a terminal, else json.
    #[arg(long, value_enum)]
    pub output: Option<Shape>,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Shape {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `tracego verify-log`.
#[derive(Args, Debug)]
pub struct VerifyLog {
    /// The public key of the seals, in PEM: each must be signed with it. Without it signatures are not
    /// checked.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The oldest records are no longer there: the log may begin in the middle of a run. Its first record
    /// is taken as it is.
    #[arg(long)]
    pub partial: bool,
    /// The files; - is standard input, alone.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `tracego rules`.
#[derive(Args, Debug)]
pub struct Rules {
    /// What to print.
    #[command(subcommand)]
    pub action: RulesAction,
}

/// What to print about rules.
#[derive(Debug, Subcommand)]
pub enum RulesAction {
    /// All rules, a line each.
    List(RulesList),
    /// What a rule means, how bad each of its cases is where, how to mend it, and its settings.
    Explain(RulesExplain),
}

/// `tracego rules list`.
#[derive(Args, Debug)]
pub struct RulesList {
    /// All that is known about them, as one JSON array.
    #[arg(long)]
    pub json: bool,
    /// Say which are off in this TOML file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What it says.
    #[arg(skip)]
    pub settings: Arc<Settings>,
}

/// `tracego rules explain`.
#[derive(Args, Debug)]
pub struct RulesExplain {
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Id of the rule, such as TG001, or its name.
    #[arg(value_name = "ID", value_parser = rule)]
    pub rule: &'static Rule,
}

/// When `tracego run` fails for what was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailOn {
    /// Not for that.
    Never,
    /// From this severity on.
    From(Severity),
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    match text {
        "never" => Ok(FailOn::Never),
        _ => text.parse().map(FailOn::From).map_err(|error| format!("{error}, or never")),
    }
}

fn rule(text: &str) -> Result<&'static Rule, String> {
    table::find(text).ok_or_else(|| format!("there is no such rule; {}", table::nearest_id(text)))
}

/// `tracego config`.
#[derive(Args, Debug)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// Subcommands of `tracego config`.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Read a file as tracego would, and say what is wrong; ends with 2 if something is. Nothing is opened
    /// or connected to but the certificates and keys that it names.
    Check {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show each option, its value and where it comes from, as a file that says the same. Values of headers
    /// and other secrets are left out.
    Show {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
        /// The command line to explain, as tracego itself would get it.
        #[arg(last = true, value_name = "OPTION")]
        options: Vec<OsString>,
    },
}

/// `tracego detach`.
#[derive(Args, Debug)]
pub struct Detach {
    /// Where the programs are kept, as tracego was told.
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub pin_dir: PathBuf,
}

/// `tracego spool`.
#[derive(Args, Debug)]
pub struct Spool {
    /// What to do.
    #[command(subcommand)]
    pub command: SpoolCommand,
}

/// Subcommands of `tracego spool`.
#[derive(Debug, Subcommand)]
pub enum SpoolCommand {
    /// Show what waits, and in which files. Changes nothing; also while tracego runs.
    Ls(SpoolFolder),
    /// Read everything and say what is damaged or missing; ends with 1 if something is. Changes nothing.
    Verify(SpoolFolder),
    /// Write every record that waits to standard output, a line each, and acknowledge what was written. Ends
    /// with 4 where records were missing. tracego must not have the folder in use.
    Drain(SpoolFolder),
}

/// A folder with a spool, or for `ls` and `verify` with several.
#[derive(Args, Debug)]
pub struct SpoolFolder {
    /// The folder of one sink; for ls and verify also a folder of such.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// JSON, one object a line.
    #[arg(long)]
    pub json: bool,
}
