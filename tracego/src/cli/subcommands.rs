//! The options of the other subcommands.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand};
use tracego_analyze::rules::rule::Rule;
use tracego_probe::handover::FOLDER;

use super::{RecordOptions, ReportOptions, WatchOptions, rule_catalogue::rule};

/// The options of `tracego capture`.
#[derive(Args, Debug)]
pub struct Capture {
    /// Options for watching; records and their form are selected at the replay.
    #[command(flatten)]
    pub watch: WatchOptions,
    /// File to write; it must not exist.
    pub file: PathBuf,
    /// Capture only this command and its descendants.
    #[arg(last = true)]
    pub command: Vec<OsString>,
}

/// The options of `tracego replay`.
#[derive(Args, Debug)]
pub struct Replay {
    /// Options for records and their output.
    #[command(flatten)]
    pub records: RecordOptions,
    /// Captured file.
    pub file: PathBuf,
}

/// The options of `tracego doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The options of `tracego inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
    /// Files to inspect.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The options of `tracego seal-key`.
#[derive(Args, Debug)]
pub struct SealKey {
    /// New file for the key, for --seal-key; it must not exist.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The options of `tracego verify-log`.
#[derive(Args, Debug)]
pub struct VerifyLog {
    /// Public key in PEM; every seal must be signed with it.
    ///
    /// If it is that of `tracego seal-key`, also with the keys that follow it. Without this option, signatures
    /// are not checked.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Link of a record that must be in the log, as --print-head printed it.
    ///
    /// Shows that the log was not cut or rolled back before it.
    #[arg(long, value_name = "LINK")]
    pub expect_head: Option<String>,
    /// Print the end of the log as one JSON object, to be kept on another machine.
    ///
    /// `link` is for --expect-head, and `key` for --key --partial. The report goes to standard error.
    #[arg(long, conflicts_with_all = ["json", super::REPORT])]
    pub print_head: bool,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
    /// Accept a log that begins in the middle of a run, because its oldest records were removed.
    ///
    /// The first record is trusted.
    #[arg(long)]
    pub partial: bool,
    /// Files of the log; - is standard input, alone and not compressed.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The options of `tracego rules`.
#[derive(Args, Debug)]
pub struct Rules {
    /// Subcommand.
    #[command(subcommand)]
    pub action: RulesAction,
}

/// The subcommands of `tracego rules`.
#[derive(Debug, Subcommand)]
pub enum RulesAction {
    /// List all rules, one per line.
    List(RulesList),
    /// Explain a rule: its meaning, the severity of each case by place, its remediation and its settings.
    Explain(RulesExplain),
}

/// The options of `tracego rules list`.
#[derive(Args, Debug)]
pub struct RulesList {
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
    /// Show which rules are off in this TOML file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The options of `tracego rules explain`.
#[derive(Args, Debug)]
pub struct RulesExplain {
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
    /// Id of the rule, such as TG001, or its name.
    #[arg(value_name = "ID", value_parser = rule)]
    pub rule: &'static Rule,
}

/// The options of `tracego config`.
#[derive(Args, Debug)]
pub struct Config {
    /// Subcommand.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// The subcommands of `tracego config`.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Read a file as tracego would at its start, and report mistakes; ends with 2 if there are any. Certificates,
    /// keys and policies that the file names are read, and folders and groups looked up. Nothing is made or locked,
    /// and no connection is made.
    Check {
        /// Configuration file, or a folder with tracego.toml and conf.d/*.toml.
        ///
        /// Default: /etc/tracego.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show each option with its value and its source, in the form of an equivalent configuration file.
    /// Values of headers and other secrets are left out.
    Show {
        /// Form of the report.
        #[command(flatten)]
        report: ReportOptions,
        /// Command line to explain, as tracego itself would get it.
        #[arg(last = true, value_name = "OPTION")]
        options: Vec<OsString>,
    },
}

/// The options of `tracego detach`.
#[derive(Args, Debug)]
pub struct Detach {
    /// Folder of the programs, the same as at the start of tracego.
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub pin_dir: PathBuf,
}

/// The options of `tracego spool`.
#[derive(Args, Debug)]
pub struct Spool {
    /// Subcommand.
    #[command(subcommand)]
    pub command: SpoolCommand,
}

/// The subcommands of `tracego spool`.
#[derive(Debug, Subcommand)]
pub enum SpoolCommand {
    /// Show the waiting records and their files. Changes nothing; also works while tracego runs.
    Ls(SpoolFolder),
    /// Read everything and report what is damaged or missing; ends with 1 if anything is. Changes nothing.
    Verify(SpoolFolder),
    /// Write every waiting record to standard output, one per line, and acknowledge what was written. Ends
    /// with 4 if records are missing. tracego must not be using the folder.
    Drain(SpoolFolder),
}

/// The folder of a spool, or for `ls` and `verify` of several spools.
#[derive(Args, Debug)]
pub struct SpoolFolder {
    /// Folder of one sink; for ls and verify also a folder that contains several.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}
