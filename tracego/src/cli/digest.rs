//! The options about digests of executed files.

use clap::{ArgAction, Args, builder::BoolishValueParser};
use tracego_analyze::inspect::digest::job::HashLimits;
use tracego_model::units::Bytes;

use super::heading;

/// The options about digests of executed files.
#[derive(Args, Clone, Debug)]
pub struct DigestOptions {
    /// Hash the files that are executed (SHA-256), each once, in a process beside tracego.
    ///
    /// A record never waits for that: where the digest is not known, it says `pending`, and a record `tracego.executable`
    /// with the same `exec_id` follows. docs/records.md says when there is none.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub digest: bool,
    /// Maximum size of a file that is hashed; a larger one has no digest.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BYTES", default_value = "512M")]
    pub digest_max_size: Bytes,
    /// Maximum number of bytes that are hashed in a second.
    #[arg(help_heading = heading::RECORDS)]
    #[arg(long, value_name = "BYTES", default_value = "200M", value_parser = rate)]
    pub digest_rate: Bytes,
}

impl DigestOptions {
    /// Returns the limits of the hasher; `None` if files are not hashed.
    #[must_use]
    pub fn limits(&self) -> Option<HashLimits> {
        let (Bytes(file_bytes), Bytes(bytes_per_second)) = (self.digest_max_size, self.digest_rate);
        self.digest.then_some(HashLimits { file_bytes, bytes_per_second })
    }
}

/// Parses a number of bytes a second.
fn rate(text: &str) -> Result<Bytes, String> {
    match text.parse()? {
        Bytes(bytes) if bytes < 1 << 20 => Err("at least 1M; --digest=false hashes nothing".to_owned()),
        bytes => Ok(bytes),
    }
}
