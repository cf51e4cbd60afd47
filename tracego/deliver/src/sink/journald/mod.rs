//! Journald sink: sends records to systemd's journal, in its native protocol
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
//!
//! The journal acknowledges nothing. A record counts as delivered when it is in the kernel's queue of the
//! socket, from where journald takes it as soon as it runs. Records in that queue are lost when the machine
//! goes down. So are records that journald drops by its own limits (`RateLimitBurst=` of journald.conf;
//! `LogRateLimitIntervalSec=0` in the unit of the sender turns them off). Where every record matters, add
//! another sink beside this one.

mod fields;
mod transport;

use std::path::PathBuf;

pub use self::{fields::JournaldEncoder, transport::JournaldTransport};
use serde::Deserialize;
use tracego_model::units::Span;

/// Keys of a sink of type `journald`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct JournaldSettings {
    /// Socket of journald. A namespace of the journal has its own (`/run/systemd/journal.NAME/socket`).
    pub socket: PathBuf,
    /// Time that journald may be busy before a delivery is given up and retried later.
    pub timeout: Span,
}

impl Default for JournaldSettings {
    fn default() -> Self {
        let timeout = Span(std::time::Duration::from_secs(10));
        Self { socket: "/run/systemd/journal/socket".into(), timeout }
    }
}

/// Maximum length of the path of a socket in bytes, with its terminator (unix(7), `sun_path`).
const PATH_MAX: usize = 108;

impl JournaldSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key.
    pub fn check(&self) -> Result<(), String> {
        let len = self.socket.as_os_str().len();
        if !self.socket.is_absolute() || len >= PATH_MAX {
            let path = self.socket.display();
            return Err(format!("socket: '{path}' is no absolute path of less than {PATH_MAX} bytes"));
        }
        if self.timeout.0.is_zero() {
            return Err("timeout: 0 would give up before anything is sent; write 10s".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_mistakes_name_the_key() {
        let read = |text: &str| {
            let settings: JournaldSettings = toml::from_str(text).map_err(|error| error.to_string())?;
            settings.check().map(|()| settings)
        };
        let settings = read("").unwrap();
        assert_eq!(settings.socket, PathBuf::from("/run/systemd/journal/socket"));
        assert_eq!(settings.timeout.to_string(), "10s");
        let long = format!("socket = \"/{}\"", "a".repeat(107));
        for (text, wanted) in [
            ("socket = \"journal\"", "socket: 'journal' is no absolute path"),
            (&long, "less than 108 bytes"),
            ("timeout = \"0s\"", "timeout: 0"),
            ("sockets = 1", "unknown field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
