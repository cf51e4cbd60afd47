//! Options of every command that makes records.

use std::{path::PathBuf, sync::Arc};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};
use tracego_common::{limits::ARGV_DEFAULT, settings::event};

use super::values::{EnvSpec, argv_max, comm, env_spec, ring_size};
use crate::{config::Setting, metrics::Listen};
use tracego_analyze::{
    judge::Selection,
    rules::{place::Profile, settings::Settings},
};
use tracego_deliver::{format::Format, sink::settings::SinkSettings};
use tracego_model::{enforcement::Mode, finding::Severity};
use tracego_policy::{bundle::Algorithm, limits::OnError};
use tracego_probe::{
    enforce::settings::Enforce,
    handover::{self, FOLDER},
};

/// Which records are written, how and where.
#[derive(Args, Clone, Debug)]
pub struct View {
    /// Events to write. `execve` stands for execve and execveat. `execve-failed` needs tracefs and
    /// makes every system call of the machine a little slower (getppid: 169 ns → 210 ns).
    #[arg(short = 'e', long = "event", value_enum, value_delimiter = ',', default_value = "execve")]
    pub events: Vec<Event>,
    /// KEY=VALUE: put this into every record. KEY: take the process's own value. Repeatable.
    /// The variables of known CI systems are always taken, and those that rules look at, which records do
    /// not show. No other variable leaves a process.
    #[arg(long = "env", value_name = "KEY[=VALUE]", value_parser = env_spec)]
    pub env: Vec<EnvSpec>,
    /// json: one object a line. text: for people. otlp: to an OpenTelemetry collector, as --otlp-endpoint or
    /// the variables OTEL_EXPORTER_OTLP_* say. Default: text on a terminal, else json; nothing where the
    /// configuration has sinks.
    #[arg(long, value_enum)]
    pub output: Option<Output>,
    /// The collector for --output otlp, --otlp-traces and --otlp-metrics: http://localhost:4318 unless this or OTEL_EXPORTER_OTLP_ENDPOINT says
    /// otherwise. OTEL_EXPORTER_OTLP_PROTOCOL chooses grpc (port 4317), http/protobuf or http/json.
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Send each CI job as one trace: a span a process, findings as events. The collector is that of
    /// --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. What it does not take within five
    /// minutes is dropped and counted: spans are no audit trail.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub otlp_traces: bool,
    /// Push what /metrics shows, every 60 seconds or as OTEL_METRIC_EXPORT_INTERVAL says, to the collector of
    /// --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub otlp_metrics: bool,
    /// Records that wait for a sink are kept in this folder, and survive a restart, a kill and a power loss.
    /// Without it they wait in memory.
    #[arg(long, value_name = "DIR")]
    pub spool_dir: Option<PathBuf>,
    /// What events are written as, one a line, whatever --output says. docs/formats.md has what each loses.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Append records to this file (made with mode 0600) instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Indent text by ancestors.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub tree: bool,
    /// Colours in text.
    #[arg(long, value_enum, default_value = "auto")]
    pub color: Color,
    /// Do not look for secrets in arguments and variables.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub raw_args: bool,
    /// Which defaults rules take. auto: each process by its variables, container and unit. ci: all is a
    /// CI job. production: all that is no CI job is production. developer: nothing is production.
    #[arg(long, value_enum, default_value = "auto")]
    pub profile: Profile,
    /// Write records of processes only when something was found about them: --min-severity low.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub only_findings: bool,
    /// Write records of processes only with a finding that is at least so bad: low, medium, high, critical.
    #[arg(long, value_name = "SEVERITY")]
    pub min_severity: Option<Severity>,
    /// Write down in the log itself what shows that it is whole, for `tracego verify-log`: each record is
    /// linked to those before it, and a tracego.seal record says how many there are. Only with JSON.
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub seal: bool,
    /// Seconds between two seals; a job and the run get one at their end.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seal_interval: u64,
    /// Sign seals with this Ed25519 key: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` makes it.
    /// Its file must be closed to others.
    #[arg(long, value_name = "FILE")]
    pub seal_key: Option<PathBuf>,
    /// Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file; may be given
    /// several times (docs/policies.md). With --enforce kill or deny a start that is not allowed is ended.
    #[arg(long, value_name = "BUNDLE")]
    pub policy: Vec<PathBuf>,
    /// Take only bundles that are signed with the private half of this public key in PEM, or with this secret.
    #[arg(long, value_name = "FILE")]
    pub policy_key: Option<PathBuf>,
    /// How they are signed.
    #[arg(long, value_enum, value_name = "ALGORITHM", default_value = "rs256")]
    pub policy_algorithm: Algorithm,
    /// What a policy that fails or takes too long says about a start.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "allow")]
    pub policy_on_error: OnError,
    /// Milliseconds that the bundles together may take for a decision.
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub policy_time_limit: u64,
    /// Write each decision of a policy to this file, too, as OPA logs it.
    #[arg(long, value_name = "FILE")]
    pub decision_log: Option<PathBuf>,
    /// Leave out of --decision-log what this JSON pointer points to (/input/process/command_args); may be
    /// given several times.
    #[arg(long, value_name = "POINTER")]
    pub decision_log_mask: Vec<String>,
    /// What the file says about rules.
    #[arg(skip)]
    pub rules: Arc<Settings>,
    /// What it says about sinks.
    #[arg(skip)]
    pub sinks: Arc<Vec<SinkSettings>>,
    /// What it says about starts that are stopped.
    #[arg(skip)]
    pub enforce: Arc<Enforce>,
    /// All options, as text.
    #[arg(skip)]
    pub settings_in_force: Arc<Vec<Setting>>,
    /// Take options from this TOML file: a key is the long name of an option (ring-size = "16M"). A
    /// variable TRACEGO_RING_SIZE wins over it, an option on the command line wins over both; --env adds up.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// SHA-256 of that file, in hexadecimal.
    #[arg(skip)]
    pub config_digest: Option<String>,
}

/// What to watch.
#[derive(Args, Clone, Debug)]
pub struct Watch {
    /// Records.
    #[command(flatten)]
    pub view: View,
    /// Bytes of the ring buffer between kernel and agent; a power of two. It takes the room twice in
    /// the resident set.
    #[arg(long, value_name = "BYTES", default_value = "8M", value_parser = ring_size)]
    pub ring_size: u32,
    /// Bytes of arguments that are kept; the true number is in every record.
    #[arg(long, value_name = "BYTES", default_value_t = ARGV_DEFAULT, value_parser = argv_max)]
    pub argv_max: u32,
    /// Only processes of this real user id.
    #[arg(long)]
    pub uid: Option<u32>,
    /// Only processes with this task name (at most 15 bytes).
    #[arg(long, value_parser = comm)]
    pub comm: Option<String>,
    /// Only processes in this cgroup or below: a folder below /sys/fs/cgroup.
    #[arg(long, value_name = "FOLDER")]
    pub cgroup: Option<PathBuf>,
    /// Seconds between two `tracego.heartbeat` records; 0 for none.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub heartbeat: u64,
    /// Answer /metrics (for Prometheus), /livez and /readyz here: a port of this machine (9470), IP:PORT, or
    /// unix:/PATH, a socket of mode 0660. There is no password and no encryption: other machines are
    /// answered only at an IP that they reach, and tracego says so at its start.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Listen>,
    /// Stop program starts that a rule in the table enforce of the configuration matches; without rules there,
    /// `go run` in CI jobs (with `run`: anywhere in the command's tree). docs/enforcement.md says what each mode
    /// covers.
    #[arg(long, value_enum, value_name = "MODE", default_value = "off")]
    pub enforce: Mode,
    /// Leave the programs attached and the ring in place for the next tracego, which takes over without a gap.
    /// crash: when this one is killed. always: also when it ends in order, for a restart or an upgrade;
    /// `tracego detach` ends it. none (the default; written out it also removes what another one left).
    #[arg(long, value_enum, value_name = "WHEN")]
    pub handover: Option<Handover>,
    /// Where that is kept: a folder in a BPF file system, of this tracego alone.
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub pin_dir: PathBuf,
    /// End after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<u64>,
}

/// What the next tracego finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Handover {
    /// Nothing.
    None,
    /// Programs and ring, where this one was killed.
    Crash,
    /// Programs and ring.
    Always,
}

impl Watch {
    /// What outlives the agent.
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

/// Kinds of events.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Event {
    /// A program was started.
    Execve,
    /// A process ended.
    Exit,
    /// A process was made.
    Fork,
    /// A program could not be started.
    ExecveFailed,
}

impl View {
    /// What is in force for rules.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::clone(&self.rules);
        settings.profile = self.profile;
        settings
    }

    /// Which records are written.
    #[must_use]
    pub fn selection(&self) -> Selection {
        let kinds = self.events.iter().fold(0, |bits, event| bits | event.bit());
        let least = self.only_findings.then_some(Severity::Low);
        Selection { kinds, min_severity: self.min_severity.or(least) }
    }
}

impl Event {
    /// Its bit of [`event`].
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

/// Forms of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// To an OpenTelemetry collector.
    Otlp,
}

/// When text has colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
