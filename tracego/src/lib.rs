//! The agent: the program `tracego`, which joins the crates of this workspace.
//!
//! Each of those does one part of the work and knows nothing of options, threads or signals. This one knows
//! nothing of events, rules, formats and protocols. A module uses only modules above it:
//!
//! ```text
//! cli       definition of the command line: plain values
//! policy    the policy stage, or its stand-in in a build without policies
//! config    command line, environment and file → settings of a run
//! metrics   counts of all parts, for Prometheus, collectors and health checks
//! pipeline  input → records, outputs and the ledger, which shows at exit that no event went missing
//! agent     kernel side, reader and pipeline: start, reload and stop
//! cmd       subcommands, and what they print
//! ```

pub mod cli;
pub mod config;
pub mod policy;

pub mod metrics;
pub mod pipeline;
pub mod provenance;

pub mod agent;
pub mod cmd;
