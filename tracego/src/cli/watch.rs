//! The options of every command that watches.

use std::path::PathBuf;

use clap::{
    ArgAction, Args, ValueEnum,
    builder::{BoolishValueParser, NonEmptyStringValueParser},
};
use tracego_common::limits::ARGV_DEFAULT;
use tracego_model::enforcement::Mode;
use tracego_probe::handover::{self, FOLDER};

use super::{
    KubernetesOptions, ListenAddress, RecordOptions,
    digest::DigestOptions,
    heading,
    values::{argv_max, comm, host_id, host_label, ring_size, seconds},
};

/// Default size of the ring. With two workers that start programs at full speed on two CPUs, 2 MiB overflow when the
/// reader does not run for 300 ms, and 1 MiB is enough for 100 ms; this holds both.
const RING_DEFAULT: u32 = 4 << 20;

/// The options for watching a machine or a command.
#[derive(Args, Clone, Debug)]
pub struct WatchOptions {
    /// Options for records and their output.
    #[command(flatten)]
    pub records: RecordOptions,
    /// Size of the ring buffer between kernel and agent in bytes; a power of two.
    ///
    /// The ring is part of the resident memory. Default: 4M, about 3,700 program starts that wait for tracego, or what
    /// --argv-max needs. A machine with many CPUs that builds may need more.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "BYTES", value_parser = ring_size)]
    pub ring_size: Option<u32>,
    /// Maximum number of argument bytes kept; the true number is in every record.
    ///
    /// At most three quarters of --ring-size, through which they go. Default: 256K, or what fits.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BYTES", value_parser = argv_max)]
    pub argv_max: Option<u32>,
    /// Watch only processes of this real user id.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long)]
    pub uid: Option<u32>,
    /// Watch only processes with this task name (at most 15 bytes).
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_parser = comm)]
    pub comm: Option<String>,
    /// Watch only processes in this cgroup or below: a folder below /sys/fs/cgroup.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "FOLDER")]
    pub cgroup: Option<PathBuf>,
    /// Time between two `tracego.heartbeat` records, such as 30s or 5m; 0 for none.
    #[arg(help_heading = heading::DELIVERY)]
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = seconds)]
    pub heartbeat: u64,
    /// Serve /metrics (for Prometheus), /livez and /readyz on this address: a port of this machine (9470),
    /// IP:PORT, or unix:/PATH, a socket of mode 0660.
    ///
    /// There is no password and no encryption: other machines are served only on an IP that they reach, and
    /// tracego logs that at its start.
    #[arg(help_heading = heading::DELIVERY)]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<ListenAddress>,
    /// Stop program starts that match a rule in the table enforce of the configuration; without rules
    /// there, `go run` in CI jobs (with `run`: anywhere in the command's tree).
    ///
    /// docs/enforcement.md describes what each mode covers.
    #[arg(help_heading = heading::FINDINGS)]
    #[arg(long, value_enum, value_name = "MODE", default_value = "off")]
    pub enforce: Mode,
    /// Leave the programs attached and the ring in place for the next tracego, which takes over without a
    /// gap.
    ///
    /// crash: if this one is killed. always: also if it ends in order, for a restart or an upgrade;
    /// `tracego detach` removes them. none (the default; given explicitly, it also removes what another
    /// tracego left).
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub handover: Option<Handover>,
    /// Name of the machine in records (`host.name`).
    ///
    /// Default: K8S_NODE_NAME, or in a pod NODE_NAME; in another container /etc/hostname of the machine, as far as
    /// tracego sees its first process; else the name that the kernel has.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub host_name: Option<String>,
    /// Id of the machine in records (`host.id`), for machines that were cloned with their /etc/machine-id.
    ///
    /// Up to 255 letters, digits and `-_.:`. Heartbeats say where the id comes from (`tracego.host.id_source`).
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "ID", value_parser = host_id)]
    pub host_id: Option<String>,
    /// Label of the machine, such as `role=builder`; repeatable, up to 32 times.
    ///
    /// Heartbeats have the labels (`tracego.host.label`), as has the first record with --seal: other records have
    /// `host.id`, to join them by. Of two labels with one name, the last holds.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long = "host-label", value_name = "NAME=VALUE", value_parser = host_label)]
    pub host_label: Vec<(String, String)>,
    /// Options about pods of Kubernetes.
    #[command(flatten)]
    pub pods: KubernetesOptions,
    /// Reload when the configuration changes, as SIGHUP does: within two seconds after the last change.
    ///
    /// Looks at the files of the configuration once a second, and at what Kubernetes exchanges beside it (`..data`), so that
    /// other files of the same volume count, too.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub config_watch: bool,
    /// Judge the Go programs that run already, as far as /proc says what rules need.
    ///
    /// Their findings are marked (`tracego.inventory`). --inventory=false leaves them until their next start.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub inventory: bool,
    /// Options about digests of executed files.
    #[command(flatten)]
    pub digests: DigestOptions,
    /// Folder for the programs and the ring: in a BPF file system, used by this tracego alone.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub pin_dir: PathBuf,
    /// Keep all capabilities and system calls for as long as tracego runs.
    ///
    /// By default, what is not needed behind the start is dropped: docs/privileges.md.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub keep_privileges: bool,
    /// End after this time, such as 30s, 5m or 12h.
    #[arg(help_heading = heading::RUNNING)]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
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

impl WatchOptions {
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

impl WatchOptions {
    /// Returns the size of the ring in bytes.
    #[must_use]
    pub fn ring(&self) -> u32 {
        self.ring_size.unwrap_or_else(|| RING_DEFAULT.max(self.argv_max.map_or(0, ring_for)))
    }

    /// Returns the cap on the bytes of arguments.
    ///
    /// # Errors
    /// Fails if the ring is too small for the cap that was asked for: such arguments could never arrive.
    pub fn argv_cap(&self) -> Result<u32, String> {
        let (ring, needed) = (self.ring(), self.argv_max.map_or(0, ring_for));
        let fits = ring / 4 * 3;
        match self.argv_max {
            Some(asked) if asked > fits => Err(format!(
                "--argv-max {asked} does not fit --ring-size {ring}: set --argv-max to at most {fits}, or --ring-size \
                 to at least {needed}"
            )),
            asked => Ok(asked.unwrap_or(ARGV_DEFAULT.min(fits))),
        }
    }
}

/// Returns the smallest ring for a cap on the bytes of arguments, which is at most `ARGV_LIMIT`.
fn ring_for(argv_max: u32) -> u32 {
    (argv_max.div_ceil(3) * 4).next_power_of_two()
}
