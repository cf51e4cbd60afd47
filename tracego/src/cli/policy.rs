//! `tracego policy` and its options.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::Shape;
use tracego_policy::{Limits, bundle::Algorithm, limits::OnError};

/// `tracego policy`.
#[derive(Args, Debug)]
pub struct Policy {
    /// What to do.
    #[command(subcommand)]
    pub action: PolicyAction,
}

/// Subcommands of `tracego policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyAction {
    /// Load bundles as tracego would, and say what is wrong with them, by file and line; ends with 1 if
    /// something is.
    Check(PolicyCheck),
    /// Run the tests of bundles: rules named test_…; ends with 1 when one fails. Or, with --records, say what
    /// the bundles would have decided about the program starts of a log.
    Test(PolicyTest),
    /// Ask bundles about one record, and show which rules hold; ends with 1 when an evaluation fails, whatever
    /// else is decided with 0.
    Eval(PolicyEval),
    /// Measure how long a decision takes here, remembered and not.
    Bench(PolicyBench),
    /// Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then holds it
    /// to. Every change of a file makes a new signature necessary.
    Sign(PolicySign),
}

/// The bundles that are asked.
#[derive(Args, Debug)]
pub struct Bundles {
    /// The bundles.
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
}

/// Bounds of a decision.
#[derive(Args, Debug)]
pub struct PolicyLimits {
    /// Milliseconds that a decision may take.
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub time_limit: u64,
    /// What an evaluation that fails says about a start.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "allow")]
    pub on_error: OnError,
}

impl PolicyLimits {
    /// As the engine takes them.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let time = Duration::from_millis(self.time_limit);
        Limits { time, on_error: self.on_error, ..Limits::default() }
    }
}

/// `tracego policy check`.
#[derive(Args, Debug)]
pub struct PolicyCheck {
    /// What to load.
    #[command(flatten)]
    pub bundles: Bundles,
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `tracego policy test`.
#[derive(Args, Debug)]
pub struct PolicyTest {
    /// What to test.
    #[command(flatten)]
    pub bundles: Bundles,
    /// Which lines the tests came by.
    #[arg(long, conflicts_with = "records")]
    pub coverage: bool,
    /// Decide about the program starts of this log, as --output json writes it; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// How many of the starts that are not allowed to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub first: usize,
    /// Bounds, with --records.
    #[command(flatten)]
    pub limits: PolicyLimits,
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `tracego policy eval`.
#[derive(Args, Debug)]
pub struct PolicyEval {
    /// What to ask.
    #[command(flatten)]
    pub bundles: Bundles,
    /// The record, as --output json writes it; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Bounds.
    #[command(flatten)]
    pub limits: PolicyLimits,
    /// json: one object. text: for people.
    #[arg(long, value_enum, default_value = "text")]
    pub output: Shape,
}

/// `tracego policy bench`.
#[derive(Args, Debug)]
pub struct PolicyBench {
    /// What to measure.
    #[command(flatten)]
    pub bundles: Bundles,
    /// Decide about the program starts of this log, as --output json writes it.
    #[arg(long, value_name = "FILE", required_unless_present = "input", conflicts_with = "input")]
    pub records: Option<PathBuf>,
    /// Decide about this record.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `tracego policy sign`.
#[derive(Args, Debug)]
pub struct PolicySign {
    /// The folder.
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    /// The private key in PEM (PKCS #8), or the secret of HS256.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// How to sign.
    #[arg(long, value_enum, value_name = "ALGORITHM", default_value = "rs256")]
    pub algorithm: Algorithm,
    /// The name of the key, for whoever reads the signature.
    #[arg(long, value_name = "NAME")]
    pub key_id: Option<String>,
    /// Days that the signature counts; without it, it does not end.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub days: Option<u32>,
}
