//! Keys of a sink of type `kafka`.

use std::{fmt, time::Duration};

use serde::Deserialize;
use tracego_model::units::{Bytes, Span};

use crate::{http::tls::TlsSettings, sink::webhook::Secret};

/// Keys of a Kafka sink, beside those of all sinks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KafkaSettings {
    /// Brokers that are asked for the others: `["kafka-1.example:9092"]`.
    pub brokers: Vec<BrokerAddress>,
    /// Topic that records are written to; it has to exist. `tracego` by default.
    #[serde(default = "topic")]
    pub topic: String,
    /// User.
    pub user: Option<String>,
    /// Password of the user: a text, `{ file = "/path" }` or `{ env = "NAME" }`.
    pub password: Option<Secret>,
    /// Mechanism by which the user is authenticated; `scram-sha-512` by default.
    #[serde(default)]
    pub mechanism: SaslMechanism,
    /// Compression of batches: `none` or `zstd`; `zstd` by default.
    #[serde(default)]
    pub compression: KafkaCompression,
    /// Maximum number of records per batch; 1000 by default.
    #[serde(default = "batch_records")]
    pub batch_records: usize,
    /// Maximum size of a batch before compression; 1M by default. A larger record is sent alone.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: Bytes,
    /// Timeout of a batch, from connecting to the acknowledgement; 30s by default.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Trusted certificates and client certificate. Connections are encrypted if there is this table, even an empty one.
    pub tls: Option<TlsSettings>,
}

/// Host and port of a broker.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct BrokerAddress {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl TryFrom<String> for BrokerAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("brokers: '{text}' is no broker; write host:9092");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_part = |c: char| c.is_alphanumeric() || "-_.:".contains(c);
        if host.is_empty() || !host.chars().all(is_part) || host.contains(':') != text.starts_with('[') {
            return Err(wrong());
        }
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Mechanism of SASL.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum SaslMechanism {
    /// The password itself (RFC 4616).
    Plain,
    /// A proof of the password with SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// A proof of the password with SHA-512.
    #[default]
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// Returns the name that brokers know.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Compression of batches.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum KafkaCompression {
    /// No compression.
    None,
    /// Zstandard, which brokers know since Kafka 2.1.
    #[default]
    Zstd,
}

fn topic() -> String {
    "tracego".to_owned()
}

fn batch_records() -> usize {
    1000
}

fn batch_bytes() -> Bytes {
    Bytes(1 << 20)
}

fn timeout() -> Span {
    Span(Duration::from_secs(30))
}

impl KafkaSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key and what to write.
    pub fn check(&self) -> Result<(), String> {
        if self.brokers.is_empty() {
            return Err("brokers: is empty; write brokers = [\"host:9092\"]".to_owned());
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = (1..=249).contains(&self.topic.len()) && self.topic.chars().all(is_plain);
        if !is_name || [".", ".."].contains(&&*self.topic) {
            return Err("topic: must have 1 to 249 letters, digits, '.', '_' and '-'".to_owned());
        }
        if self.user.is_some() != self.password.is_some() {
            return Err("user: needs a password, and password a user; write both".to_owned());
        }
        if self.user.as_ref().is_some_and(|user| user.is_empty() || user.len() > 1024 || user.contains('\0'))
        {
            return Err("user: must have 1 to 1024 bytes".to_owned());
        }
        if self.mechanism == SaslMechanism::Plain && self.tls.is_none() {
            return Err("mechanism: plain without tls shows the password to everybody on the way; write \
                        tls = {}, or mechanism = \"scram-sha-512\""
                .to_owned());
        }
        if self.batch_records == 0 || i32::try_from(self.batch_records).is_err() {
            return Err("batch-records: a batch has at least one record; write 1000".to_owned());
        }
        if self.batch_bytes.0 == 0 || self.batch_bytes.0 > 1 << 30 {
            return Err("batch-bytes: must be more than 0 and at most 1G; write 1M".to_owned());
        }
        if self.timeout.0.is_zero() || i32::try_from(self.timeout.0.as_millis()).is_err() {
            return Err("timeout: must be more than 0 and less than 24 days; write 30s".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<KafkaSettings, String> {
        let settings: KafkaSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn brokers_are_enough() {
        let settings = read("brokers = ['kafka-1.example:9092', '[::1]:9093']").unwrap();
        let brokers: Vec<String> = settings.brokers.iter().map(ToString::to_string).collect();
        assert_eq!(brokers, ["kafka-1.example:9092", "[::1]:9093"]);
        assert_eq!((&*settings.topic, settings.compression), ("tracego", KafkaCompression::Zstd));
        let plain = "user = 'a'\npassword = 'b'\nmechanism = 'plain'\ntls = {}";
        assert!(read(&format!("brokers = ['h:1']\n{plain}")).is_ok());
    }

    #[test]
    fn mistakes_name_the_key_and_the_way_out() {
        for (text, said) in [
            ("brokers = []", "brokers: is empty"),
            ("brokers = ['h']", "'h' is no broker; write host:9092"),
            ("brokers = ['h:0']", "write host:9092"),
            ("brokers = ['::1:9092']", "write host:9092"),
            ("brokers = ['kafka://h:1']", "write host:9092"),
            ("brokers = ['h:1']\ntopic = 'a b'", "topic: must have"),
            ("brokers = ['h:1']\ntopic = '..'", "topic: must have"),
            ("brokers = ['h:1']\nuser = 'a'", "user: needs a password"),
            ("brokers = ['h:1']\npassword = 'a'", "user: needs a password"),
            ("brokers = ['h:1']\nmechanism = 'plain'", "mechanism: plain without tls"),
            ("brokers = ['h:1']\nmechanism = 'gssapi'", "scram-sha-512"),
            ("brokers = ['h:1']\ncompression = 'gzip'", "zstd"),
            ("brokers = ['h:1']\nbatch-records = 0", "batch-records"),
            ("brokers = ['h:1']\nbatch-bytes = 0", "batch-bytes"),
            ("brokers = ['h:1']\ntimeout = 0", "timeout"),
        ] {
            let Err(why) = read(text) else { panic!("{text}") };
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
