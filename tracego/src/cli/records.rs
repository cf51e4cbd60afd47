//! The options of every command that makes records.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};
use tracego_analyze::{rules::place::Profile, rules_stage::RecordSelection};
use tracego_common::settings::event;
use tracego_deliver::{detail::Detail, format::Format};
use tracego_model::finding::Severity;

use super::{
    heading,
    policy::PolicyOptions,
    values::{EnvSpec, seal_interval},
};

/// The options that select records, their form and their outputs.
#[derive(Args, Clone, Debug)]
pub struct RecordOptions {
    /// Events to write.
    ///
    /// `execve` stands for execve and execveat. `execve-failed` needs tracefs and makes every system call
    /// of the machine a little slower (getppid: 169 ns → 210 ns).
    #[arg(help_heading = heading::RECORDS)]
    #[arg(short = 'e', long = "event", value_enum, value_delimiter = ',', default_value = "execve")]
    pub events: Vec<EventKind>,
    /// Put KEY=VALUE into every record, or with KEY alone the process's own value; repeatable.
    ///
    /// Secrets in values are replaced, as in all variables.
    /// Variables of known CI systems are always read, and
    /// those that rules need, which records do not show. No other variable is read from a process.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long = "env", value_name = "KEY[=VALUE]")]
    pub env: Vec<EnvSpec>,
    /// Form and target of records.
    ///
    /// json: one object per line. text: for people. otlp: to an OpenTelemetry collector, see
    /// --otlp-endpoint and the variables OTEL_EXPORTER_OTLP_*. Default: text on a terminal, else json; no
    /// output if the configuration has sinks.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_enum)]
    pub output: Option<OutputForm>,
    /// Collector for --output otlp, --otlp-traces and --otlp-metrics.
    ///
    /// Default: OTEL_EXPORTER_OTLP_ENDPOINT, or else http://localhost:4318. OTEL_EXPORTER_OTLP_PROTOCOL
    /// selects grpc (port 4317), http/protobuf or http/json.
    #[arg(help_heading = heading::DELIVERY)]
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Send each CI job as one trace: one span per process, findings as events.
    ///
    /// The collector is that of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. Spans not
    /// accepted within five minutes are dropped and counted: spans are no audit trail.
    #[arg(help_heading = heading::DELIVERY)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub otlp_traces: bool,
    /// Push the metrics of /metrics, every 60 seconds or as set by OTEL_METRIC_EXPORT_INTERVAL, to the
    /// collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*.
    #[arg(help_heading = heading::DELIVERY)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub otlp_metrics: bool,
    /// Keep records that wait for a sink in this folder, so that they survive a restart, a kill and a power
    /// loss.
    ///
    /// Without this option they wait in memory.
    #[arg(help_heading = heading::DELIVERY)]
    #[arg(long, value_name = "DIR")]
    pub spool_dir: Option<PathBuf>,
    /// Format of events, one per line, whatever --output is.
    ///
    /// docs/formats.md lists what each format loses.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Members of a record that are written.
    ///
    /// Findings, decisions and text for people are always full. docs/formats.md shows how records refer to each
    /// other.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_enum, default_value = "lean")]
    pub detail: Detail,
    /// Write a record of each executable that starts, with the modules of Go and the libraries that it names.
    ///
    /// Once for each executable, and again after an hour. Not in text and CEF.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub modules: bool,
    /// Make one record of the start and the exit of a process that ends within a second.
    ///
    /// Only with `-e execve,exit`. The record is that of the start, with the exit code; a process with recorded
    /// children, a finding or a decision has two records. Starts are written up to three seconds later.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_enum, value_name = "KIND")]
    pub aggregate: Option<Aggregate>,
    /// Write these members of records of processes and those that every record keeps, separated by commas.
    ///
    /// A name, as the format writes it, covers what is below it: process.command_args,vcs. A record with a finding, a
    /// violation or a decision is whole. docs/formats.md lists what every record keeps.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub fields: Option<Vec<String>>,
    /// Write all members of records of processes but these, separated by commas.
    ///
    /// Names are those of --fields. What a lean record refers to is written whole.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub drop: Option<Vec<String>>,
    /// Append records to this file (created with mode 0600) instead of standard output. `-` is refused.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Indent text output by ancestors.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub tree: bool,
    /// Use colours in text output.
    #[arg(help_heading = heading::OUTPUT)]
    #[arg(long, value_enum, default_value = "auto")]
    pub color: Color,
    /// Do not look for secrets in arguments and variables.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub raw_args: bool,
    /// Environment whose defaults the rules take.
    ///
    /// auto: decided per process by its variables, container and unit. ci: everything is a CI job.
    /// production: everything but CI jobs is production. developer: nothing is production.
    #[arg(help_heading = heading::FINDINGS)]
    #[arg(long, value_enum, default_value = "auto")]
    pub profile: Profile,
    /// Write records of processes only if something was found about them: --min-severity low.
    #[arg(help_heading = heading::FINDINGS)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub only_findings: bool,
    /// Write records of processes only if they have a finding of at least this severity: low, medium, high,
    /// critical.
    #[arg(help_heading = heading::FINDINGS)]
    #[arg(long, value_name = "SEVERITY")]
    pub min_severity: Option<Severity>,
    /// Seal the log for `tracego verify-log`: each record is linked to those before it, and tracego.seal
    /// records hold their number.
    ///
    /// Only with JSON.
    #[arg(help_heading = heading::EVIDENCE)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub seal: bool,
    /// Time between two seals, 1s to 1d; a finding and a stop get one at once, a job and the run at their end.
    #[arg(help_heading = heading::EVIDENCE)]
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = seal_interval)]
    pub seal_interval: u64,
    /// Sign seals with this key.
    ///
    /// Made by `tracego seal-key`, which evolves, or an Ed25519 key in PEM (PKCS#8), as made by
    /// `openssl genpkey -algorithm ed25519`. Others must have no access to the file.
    #[arg(help_heading = heading::EVIDENCE)]
    #[arg(long, value_name = "FILE")]
    pub seal_key: Option<PathBuf>,
    /// Policies.
    #[command(flatten)]
    pub policies: PolicyOptions,
    /// Read options from this TOML file: a key is the long name of an option (ring-size = "16M").
    ///
    /// Or from tracego.toml and then conf.d/*.toml in this folder; later files override earlier ones. Default
    /// for watching the whole machine: the folder /etc/tracego, if it is there; `none` reads no file. Only
    /// root and the user of tracego may be able to change the files.
    /// A variable TRACEGO_RING_SIZE overrides them, and an option on the command line overrides both; --env
    /// adds up.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl RecordOptions {
    /// Returns the selection of records to write.
    #[must_use]
    pub fn selection(&self) -> RecordSelection {
        let kinds = self.events.iter().fold(0, |bits, event| bits | event.bit());
        let least = self.only_findings.then_some(Severity::Low);
        RecordSelection { kinds, min_severity: self.min_severity.or(least) }
    }
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum EventKind {
    /// A program was executed.
    Execve,
    /// A process ended.
    Exit,
    /// A process was created.
    Fork,
    /// A program could not be executed.
    ExecveFailed,
}

impl EventKind {
    /// Returns the bit of the kind in [`event`].
    #[must_use]
    pub fn bit(self) -> u32 {
        match self {
            Self::Execve => event::EXEC,
            Self::Exit => event::EXIT,
            Self::Fork => event::FORK,
            Self::ExecveFailed => event::EXEC_FAILED,
        }
    }
}

/// The events that are written with others.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Aggregate {
    /// The exit of a process, with its start.
    Exits,
}

/// The forms of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum OutputForm {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
    /// Records to an OpenTelemetry collector.
    Otlp,
}

/// The use of colours in text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Color {
    /// Colours on a terminal, unless NO_COLOR is set.
    Auto,
    /// Colours always.
    Always,
    /// Colours never.
    Never,
}
