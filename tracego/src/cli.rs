//! The command line; its help text is the documentation of the options.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use tracego_common::{
    limits::{ARGV_DEFAULT, ARGV_LIMIT, ENV_NAME_MAX},
    settings::event,
};
use tracing_subscriber::EnvFilter;

use crate::metrics::Listen;
use crate::rules::{
    finding::Severity,
    place::Profile,
    settings::Settings,
    table::{self, Rule},
};
use crate::{format::Format, judge::Selection};

/// Says which commit and which CI job every process start on this machine belongs to.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to watch, without a subcommand.
    #[command(flatten)]
    pub watch: Watch,
    /// What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a
    /// list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side.
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn", value_parser = log_filter)]
    pub log: EnvFilter,
    /// Something else than watching the machine.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Puts `--env` values before those of the command line, which then win over them.
    ///
    /// # Errors
    /// When one is not what `--env` takes.
    pub fn add_env(&mut self, values: &[String]) -> Result<(), String> {
        let specs = values.iter().map(|value| env_spec(value)).collect::<Result<Vec<_>, _>>()?;
        if let Some(view) = self.view() {
            view.env.splice(0..0, specs);
        }
        Ok(())
    }

    /// Takes what a configuration says about rules.
    pub fn set_rules(&mut self, settings: Settings) {
        let settings = Arc::new(settings);
        match &mut self.command {
            Some(Command::Rules(Rules { action: RulesAction::List(list) })) => list.settings = settings,
            _ => {
                if let Some(view) = self.view() {
                    view.rules = settings;
                }
            }
        }
    }

    /// Takes the digest of the configuration file.
    pub fn set_config_digest(&mut self, digest: String) {
        if let Some(view) = self.view() {
            view.config_digest = Some(digest);
        }
    }

    fn view(&mut self) -> Option<&mut View> {
        match &mut self.command {
            None => Some(&mut self.watch.view),
            Some(Command::Run(run)) => Some(&mut run.watch.view),
            Some(Command::Capture(capture)) => Some(&mut capture.watch.view),
            Some(Command::Replay(replay)) => Some(&mut replay.view),
            Some(
                Command::Doctor(_)
                | Command::Inspect(_)
                | Command::Rules(_)
                | Command::Spool(_)
                | Command::VerifyLog(_),
            ) => None,
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 ended by a signal or by the reader of its output; 1 an error while running, or a file that \
cannot be read; \
2 wrong usage; 3 the kernel side cannot be loaded (the message says what is missing); \
4 records were lost or refused by the output (the ledger on stderr says how many); \
5 tracego run found what --fail-on names, and the command itself succeeded.

Example: sudo tracego -e execve --env GIT_COMMIT=abc123f --env CI_JOB_ID=456789 --output json";

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch one command and its descendants; ends with its exit status.
    Run(Run),
    /// Write raw kernel records to a file, for `replay`.
    Capture(Capture),
    /// Turn a captured file into records, without root: the same records as at the time.
    Replay(Replay),
    /// Try what this kernel and this user allow; ends with 0 when the main job runs here, else with 3.
    Doctor(Doctor),
    /// What executables say about themselves: how Go built them and how they are linked. Ends with 1
    /// when a file could not be read; the others are shown.
    Inspect(Inspect),
    /// What tracego finds: list the rules, or explain one.
    Rules(Rules),
    /// Look at the queues of records that wait for a sink, or empty one.
    // No sink keeps one yet.
    #[command(hide = true)]
    Spool(Spool),
    /// Check logs that were written with --seal: that no record was changed, removed, moved or added.
    #[command(after_help = VERIFY_CODES)]
    VerifyLog(VerifyLog),
}

const VERIFY_CODES: &str = "\
Exit codes: 0 the log is whole; records behind its last seal are said, not counted as damage. \
1 it is damaged: the first record that was changed, removed, moved or added is named. \
2 wrong usage, or a file or key that cannot be read.

Files of one rotation may be given in any order. Compressed ones are not read: \
zcat log.2.gz log.1.gz | cat - log | tracego verify-log -";

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
    /// json: one object a line. text: for people. Default: text on a terminal, else json.
    #[arg(long, value_enum)]
    pub output: Option<Output>,
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
    /// What the file says about rules.
    #[arg(skip)]
    pub rules: Arc<Settings>,
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
    /// End after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<u64>,
}

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
    pub output: Option<Output>,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
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

/// One `--env`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnvSpec {
    /// `KEY=VALUE`.
    Value(String, String),
    /// `KEY`.
    Name(String),
}

fn env_spec(text: &str) -> Result<EnvSpec, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    if name.is_empty() {
        return Err("a name is missing: write KEY or KEY=VALUE".into());
    }
    if name.len() >= ENV_NAME_MAX {
        return Err(format!("the name has {} bytes, at most {} are supported", name.len(), ENV_NAME_MAX - 1));
    }
    if name.bytes().any(|b| b.is_ascii_control() || b == b' ') {
        return Err("the name holds a space or a control character".into());
    }
    Ok(match value {
        Some(value) => EnvSpec::Value(name.to_owned(), value.to_owned()),
        None => EnvSpec::Name(name.to_owned()),
    })
}

/// A number of bytes, with K or M for 1024 and 1024².
fn bytes(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    let number: u32 =
        digits.parse().map_err(|_| "not a number of bytes; examples: 65536, 512K, 8M".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large: at most 2 GiB".to_owned())
}

fn ring_size(text: &str) -> Result<u32, String> {
    let size = bytes(text)?;
    if size < 4096 || !size.is_power_of_two() {
        return Err("must be a power of two and at least 4096".into());
    }
    Ok(size)
}

fn argv_max(text: &str) -> Result<u32, String> {
    let size = bytes(text)?;
    if size > ARGV_LIMIT { Err(format!("at most {ARGV_LIMIT}, the kernel's own limit")) } else { Ok(size) }
}

fn log_filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(text).map_err(|error| error.to_string())
}

fn comm(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 15 {
        return Err("a task name has 1 to 15 bytes".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_main_job_is_understood() {
        let line = "tracego -e execve --env GIT_COMMIT=abc123f --env CI_JOB_ID --output json";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(cli.watch.view.events, [Event::Execve]);
        assert_eq!(
            cli.watch.view.env,
            [EnvSpec::Value("GIT_COMMIT".into(), "abc123f".into()), EnvSpec::Name("CI_JOB_ID".into())]
        );
    }

    #[test]
    fn a_rule_is_named_by_id_or_name() {
        for name in ["TG001", "tg001", "go-run"] {
            let cli = Cli::try_parse_from(["tracego", "rules", "explain", name]).unwrap();
            let Some(Command::Rules(Rules { action: RulesAction::Explain(explain) })) = cli.command else {
                panic!()
            };
            assert_eq!(explain.rule.id, "TG001");
        }
        let cli = Cli::try_parse_from(["tracego", "--profile", "development"]).unwrap();
        assert_eq!(cli.watch.view.settings().profile, Profile::Developer);
    }

    #[test]
    fn bad_values_say_the_way_out() {
        let error = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
        assert!(error("tracego --ring-size 5000").contains("power of two"));
        assert!(error("tracego --env =x").contains("KEY=VALUE"));
        assert!(error("tracego --comm 0123456789abcdef").contains("15 bytes"));
        assert!(error("tracego -e exceve").contains("execve"));
        assert!(error("tracego rules explain TG0011").contains("did you mean 'TG001'?"));
        assert!(error("tracego --profile prod").contains("production"));
    }
}
