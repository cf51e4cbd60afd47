//! The options of every command that makes records.

use std::{path::PathBuf, sync::Arc};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};
use tracego_analyze::{
    judge::Selection,
    rules::{place::Profile, settings::Settings},
};
use tracego_common::{limits::ARGV_DEFAULT, settings::event};
use tracego_deliver::{format::Format, sink::settings::SinkSettings};
use tracego_model::{enforcement::Mode, finding::Severity};
use tracego_probe::{
    enforce::settings::Enforce,
    handover::{self, FOLDER},
};

use super::{
    policy::PolicyOptions,
    values::{EnvSpec, argv_max, comm, env_spec, ring_size},
};
use crate::{config::Setting, metrics::Listen};

/// The options that select records, their form and their outputs.
#[derive(Args, Clone, Debug)]
pub struct View {
    /// Events to write. `execve` stands for execve and execveat. `execve-failed` needs tracefs and
    /// makes every system call of the machine a little slower (getppid: 169 ns → 210 ns).
    #[arg(short = 'e', long = "event", value_enum, value_delimiter = ',', default_value = "execve")]
    pub events: Vec<Event>,
    /// KEY=VALUE: put this into every record. KEY: take the process's own value. Repeatable. Variables of
    /// known CI systems are always read, and those that rules need, which records do not show. No other
    /// variable is read from a process.
    #[arg(long = "env", value_name = "KEY[=VALUE]", value_parser = env_spec)]
    pub env: Vec<EnvSpec>,
    /// Form and target of records. json: one object per line. text: for people. otlp: to an OpenTelemetry
    /// collector, see --otlp-endpoint and the variables OTEL_EXPORTER_OTLP_*. Default: text on a terminal,
    /// else json; no output if the configuration has sinks.
    #[arg(long, value_enum)]
    pub output: Option<Output>,
    /// Collector for --output otlp, --otlp-traces and --otlp-metrics. Default: OTEL_EXPORTER_OTLP_ENDPOINT,
    /// or else http://localhost:4318. OTEL_EXPORTER_OTLP_PROTOCOL selects grpc (port 4317), http/protobuf or
    /// http/json.
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Send each CI job as one trace: one span per process, findings as events. The collector is that of
    /// --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. Spans not accepted within five
    /// minutes are dropped and counted: spans are no audit trail.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub otlp_traces: bool,
    /// Push the metrics of /metrics, every 60 seconds or as set by OTEL_METRIC_EXPORT_INTERVAL, to the
    /// collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub otlp_metrics: bool,
    /// Keep records that wait for a sink in this folder, so that they survive a restart, a kill and a power
    /// loss. Without this option they wait in memory.
    #[arg(long, value_name = "DIR")]
    pub spool_dir: Option<PathBuf>,
    /// Format of events, one per line, whatever --output is. docs/formats.md lists what each format loses.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Append records to this file (created with mode 0600) instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Indent text output by ancestors.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub tree: bool,
    /// Use colours in text output.
    #[arg(long, value_enum, default_value = "auto")]
    pub color: Color,
    /// Do not look for secrets in arguments and variables.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub raw_args: bool,
    /// Environment whose defaults the rules take. auto: decided per process by its variables, container and
    /// unit. ci: everything is a CI job. production: everything but CI jobs is production. developer: nothing
    /// is production.
    #[arg(long, value_enum, default_value = "auto")]
    pub profile: Profile,
    /// Write records of processes only if something was found about them: --min-severity low.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub only_findings: bool,
    /// Write records of processes only if they have a finding of at least this severity: low, medium, high,
    /// critical.
    #[arg(long, value_name = "SEVERITY")]
    pub min_severity: Option<Severity>,
    /// Seal the log for `tracego verify-log`: each record is linked to those before it, and tracego.seal
    /// records hold their number. Only with JSON.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub seal: bool,
    /// Seconds between two seals; a job and the run also get one at their end.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seal_interval: u64,
    /// Sign seals with this Ed25519 key: PKCS#8 in PEM, as made by `openssl genpkey -algorithm ed25519`.
    /// Others must have no access to the file.
    #[arg(long, value_name = "FILE")]
    pub seal_key: Option<PathBuf>,
    /// Policies.
    #[command(flatten)]
    pub policies: PolicyOptions,
    /// Rule settings of the configuration file.
    #[arg(skip)]
    pub rules: Arc<Settings>,
    /// Sinks of the configuration file.
    #[arg(skip)]
    pub sinks: Arc<Vec<SinkSettings>>,
    /// Enforcement settings of the configuration file.
    #[arg(skip)]
    pub enforce: Arc<Enforce>,
    /// All options, as text.
    #[arg(skip)]
    pub settings_in_force: Arc<Vec<Setting>>,
    /// Read options from this TOML file: a key is the long name of an option (ring-size = "16M"). A variable
    /// TRACEGO_RING_SIZE overrides it, and an option on the command line overrides both; --env adds up.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// SHA-256 of the configuration file, in hexadecimal.
    #[arg(skip)]
    pub config_digest: Option<String>,
}

/// The options for watching a machine or a command.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// Options for records and their output.
    #[command(flatten)]
    pub view: View,
    /// Size of the ring buffer between kernel and agent in bytes; a power of two. The resident set contains
    /// it twice.
    #[arg(long, value_name = "BYTES", default_value = "8M", value_parser = ring_size)]
    pub ring_size: u32,
    /// Maximum number of argument bytes kept; the true number is in every record.
    #[arg(long, value_name = "BYTES", default_value_t = ARGV_DEFAULT, value_parser = argv_max)]
    pub argv_max: u32,
    /// Watch only processes of this real user id.
    #[arg(long)]
    pub uid: Option<u32>,
    /// Watch only processes with this task name (at most 15 bytes).
    #[arg(long, value_parser = comm)]
    pub comm: Option<String>,
    /// Watch only processes in this cgroup or below: a folder below /sys/fs/cgroup.
    #[arg(long, value_name = "FOLDER")]
    pub cgroup: Option<PathBuf>,
    /// Seconds between two `tracego.heartbeat` records; 0 for none.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub heartbeat: u64,
    /// Serve /metrics (for Prometheus), /livez and /readyz on this address: a port of this machine (9470),
    /// IP:PORT, or unix:/PATH, a socket of mode 0660. There is no password and no encryption: other machines
    /// are served only on an IP that they reach, and tracego logs that at its start.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Listen>,
    /// Stop program starts that match a rule in the table enforce of the configuration; without rules there,
    /// `go run` in CI jobs (with `run`: anywhere in the command's tree). docs/enforcement.md describes what
    /// each mode covers.
    #[arg(long, value_enum, value_name = "MODE", default_value = "off")]
    pub enforce: Mode,
    /// Leave the programs attached and the ring in place for the next tracego, which takes over without a
    /// gap. crash: if this one is killed. always: also if it ends in order, for a restart or an upgrade;
    /// `tracego detach` removes them. none (the default; given explicitly, it also removes what another
    /// tracego left).
    #[arg(long, value_enum, value_name = "WHEN")]
    pub handover: Option<Handover>,
    /// Folder for the programs and the ring: in a BPF file system, used by this tracego alone.
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub pin_dir: PathBuf,
    /// End after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<u64>,
}

/// The state that is left for the next tracego.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Handover {
    /// Leave nothing.
    None,
    /// Leave programs and ring if this tracego is killed.
    Crash,
    /// Leave programs and ring.
    Always,
}

impl Watch {
    /// Returns the options of the handover, or `None` if it is off.
    #[must_use]
    pub fn handover(&self) -> Option<handover::Options> {
        let always = match self.handover {
            None | Some(Handover::None) => return None,
            Some(Handover::Crash) => false,
            Some(Handover::Always) => true,
        };
        Some(handover::Options { folder: self.pin_dir.clone(), always })
    }
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Event {
    /// A program was executed.
    Execve,
    /// A process ended.
    Exit,
    /// A process was created.
    Fork,
    /// A program could not be executed.
    ExecveFailed,
}

impl View {
    /// Returns the rule settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::clone(&self.rules);
        settings.profile = self.profile;
        settings
    }

    /// Returns the selection of records to write.
    #[must_use]
    pub fn selection(&self) -> Selection {
        let kinds = self.events.iter().fold(0, |bits, event| bits | event.bit());
        let least = self.only_findings.then_some(Severity::Low);
        Selection { kinds, min_severity: self.min_severity.or(least) }
    }
}

impl Event {
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

/// The forms of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Output {
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
