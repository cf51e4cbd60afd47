//! The options of policies, and of `tracego policy`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ArgAction, Args, Subcommand,
    builder::{BoolishValueParser, OsStringValueParser, TypedValueParser},
};
use tracego_policy::{DecisionLimits, bundle::SignatureAlgorithm, limits::OnError};

use super::{BundleLocation, ReportOptions, heading};

/// The help of `tracego policy`.
pub(super) const ABOUT: &str =
    "Work with Rego policies: check bundles, run their tests, evaluate them on a record, or measure them";

/// The options of the policy stage.
#[derive(Args, Clone, Debug)]
pub struct PolicyOptions {
    /// Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file, or the https URL
    /// of a signed .tar.gz, which is asked for again while tracego watches; repeatable (docs/policies.md).
    ///
    /// With --enforce kill or deny, a start that is not allowed is killed.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "BUNDLE", value_parser = bundle_location())]
    pub policy: Vec<BundleLocation>,
    /// Key of the signatures.
    #[command(flatten)]
    pub key: PolicyKey,
    /// Server of bundles.
    #[command(flatten)]
    pub server: PolicyServer,
    /// Bundles that are asked for again.
    #[command(flatten)]
    pub polling: PolicyPolling,
    /// Decision about a start if a policy fails or takes too long. With allow, a run with such a start ends with 4.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_enum, value_name = "WHAT", default_value = "allow")]
    pub policy_on_error: OnError,
    /// Maximum time of a decision by all bundles together, in milliseconds.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub policy_time_limit: u64,
    /// Write each policy decision to this file, too, in OPA's format of decision logs.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FILE")]
    pub decision_log: Option<PathBuf>,
    /// Leave out of --decision-log the value at this JSON pointer (/input/process/command_args);
    /// repeatable.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "POINTER")]
    pub decision_log_mask: Vec<String>,
}

impl PolicyOptions {
    /// Returns the bundles of this machine.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.policy.iter().filter_map(BundleLocation::path)
    }

    /// Returns the files that say what is trusted, with the names of their options.
    pub fn trusted_files(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let key = self.key.policy_key.iter().map(|path| ("--policy-key", path));
        key.chain(self.server.policy_ca.iter().map(|path| ("--policy-ca", path)))
    }

    /// Returns the folder of the last good bundles.
    #[must_use]
    pub fn cache(&self) -> Option<&Path> {
        self.polling.policy_cache.as_deref()
    }

    /// Returns the file of the decision log.
    #[must_use]
    pub fn decision_log(&self) -> Option<&Path> {
        self.decision_log.as_deref()
    }
}

/// The options of `tracego policy`.
#[derive(Args, Debug)]
pub struct Policy {
    /// Subcommand.
    #[command(subcommand)]
    pub action: PolicyAction,
}

/// The subcommands of `tracego policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyAction {
    /// Load bundles as tracego would, and report mistakes with file and line; ends with 1 if there are any.
    Check(PolicyCheck),
    /// Run the tests of bundles: rules named test_…; ends with 1 if one fails. With --records, report instead
    /// what the bundles would have decided about the program starts of a log.
    Test(PolicyTest),
    /// Evaluate bundles on one record, and show which rules hold; ends with 1 if an evaluation fails, with 0
    /// for any decision.
    Eval(PolicyEval),
    /// Measure how long a decision takes here, with and without the cache.
    Bench(PolicyBench),
    /// Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then
    /// verifies. Every change of a file requires a new signature.
    Sign(PolicySign),
}

/// The bundles to evaluate.
#[derive(Args, Debug)]
pub struct Bundles {
    /// Bundles of policies; a URL is fetched once.
    #[arg(required = true, value_name = "BUNDLE", value_parser = bundle_location())]
    pub bundles: Vec<BundleLocation>,
    /// Key of the signatures.
    #[command(flatten)]
    pub key: PolicyKey,
    /// Server of bundles.
    #[command(flatten)]
    pub server: PolicyServer,
}

/// The key that bundles must be signed with.
#[derive(Args, Clone, Debug)]
pub struct PolicyKey {
    /// Accept only bundles that are signed with the private half of this public key in PEM, or with this
    /// secret.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FILE")]
    pub policy_key: Option<PathBuf>,
    /// Algorithm of the signatures.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_enum, value_name = "ALGORITHM", default_value = "rs256")]
    pub policy_algorithm: SignatureAlgorithm,
}

/// The way to a server of bundles.
#[derive(Args, Clone, Debug)]
pub struct PolicyServer {
    /// Trust these certificates in PEM, instead of those of the system, of the server of a bundle.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FILE")]
    pub policy_ca: Option<PathBuf>,
    /// Client certificate in PEM for the server of a bundle.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FILE")]
    pub policy_cert: Option<PathBuf>,
    /// Private key of --policy-cert in PEM.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FILE")]
    pub policy_cert_key: Option<PathBuf>,
    /// File with the bearer token for the server of a bundle; read for each request, and once more after a 401.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FILE")]
    pub policy_token: Option<PathBuf>,
}

/// The bundles of servers over time.
#[derive(Args, Clone, Debug)]
pub struct PolicyPolling {
    /// Keep the last good bundle of each URL in this folder, for a start without the server.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "FOLDER")]
    pub policy_cache: Option<PathBuf>,
    /// Shortest pause between two requests for a bundle, in seconds. Each pause is random, up to --policy-poll-max.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub policy_poll_min: u64,
    /// Longest pause between two requests for a bundle, in seconds.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub policy_poll_max: u64,
    /// Longest wait at the start for a bundle that is not in --policy-cache, in seconds. Then tracego ends with 1.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub policy_wait: u64,
    /// Accept a bundle from a URL that is older than the one in force, or has no serial number.
    #[arg(help_heading = heading::POLICIES)]
    #[arg(long, value_name = "BOOL", default_value_t, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub policy_rollback: bool,
}

fn bundle_location() -> impl TypedValueParser<Value = BundleLocation> {
    OsStringValueParser::new().try_map(BundleLocation::parse)
}

/// The limits of a decision.
#[derive(Args, Debug)]
pub struct PolicyLimits {
    /// Maximum time of a decision in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub time_limit: u64,
    /// Decision about a start if the evaluation fails.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "allow")]
    pub on_error: OnError,
}

impl PolicyLimits {
    /// Returns the limits for the engine.
    #[must_use]
    pub fn limits(&self) -> DecisionLimits {
        let time = Duration::from_millis(self.time_limit);
        DecisionLimits { time, on_error: self.on_error, ..DecisionLimits::default() }
    }
}

/// The options of `tracego policy check`.
#[derive(Args, Debug)]
pub struct PolicyCheck {
    /// Bundles to load.
    #[command(flatten)]
    pub bundles: Bundles,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The options of `tracego policy test`.
#[derive(Args, Debug)]
pub struct PolicyTest {
    /// Bundles to test.
    #[command(flatten)]
    pub bundles: Bundles,
    /// Report which lines the tests executed.
    #[arg(long, conflicts_with = "records")]
    pub coverage: bool,
    /// Decide about the program starts of this log, as --output json writes it; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// Number of starts to show that are not allowed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub first: usize,
    /// Limits of a decision, with --records.
    #[command(flatten)]
    pub limits: PolicyLimits,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The options of `tracego policy eval`.
#[derive(Args, Debug)]
pub struct PolicyEval {
    /// Bundles to evaluate.
    #[command(flatten)]
    pub bundles: Bundles,
    /// Record to decide about, as --output json writes it; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Limits of the decision.
    #[command(flatten)]
    pub limits: PolicyLimits,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The options of `tracego policy bench`.
#[derive(Args, Debug)]
pub struct PolicyBench {
    /// Bundles to measure.
    #[command(flatten)]
    pub bundles: Bundles,
    /// Decide about the program starts of this log, as --output json writes it.
    #[arg(long, value_name = "FILE", required_unless_present = "input", conflicts_with = "input")]
    pub records: Option<PathBuf>,
    /// Decide about this record.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Form of the report.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// The options of `tracego policy sign`.
#[derive(Args, Debug)]
pub struct PolicySign {
    /// Folder of the bundle.
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    /// Private key in PEM (PKCS #8), or the secret of HS256.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Algorithm of the signature.
    #[arg(long, value_enum, value_name = "ALGORITHM", default_value = "rs256")]
    pub algorithm: SignatureAlgorithm,
    /// Name of the key, for the reader of the signature.
    #[arg(long, value_name = "NAME")]
    pub key_id: Option<String>,
    /// Days for which the signature is valid; without this option it does not expire.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub days: Option<u32>,
}
