//! Records to systemd's journal, in its native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
//!
//! The journal answers nothing. Delivered means that a record is in the queue of its socket, in the kernel,
//! from where journald takes it as soon as it runs; what is there when the machine goes down is lost,
//! and so is what journald drops by its own limits (`RateLimitBurst=` of journald.conf, or
//! `LogRateLimitIntervalSec=0` in the unit of the sender to have none). Where every record matters, another sink
//! belongs beside this one.

mod fields;
mod transport;

use std::path::PathBuf;

use serde::Deserialize;

pub use self::{fields::JournaldEncoder, transport::Journald};
use tracego_model::units::Span;

/// The journal of this machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// The socket of journald; another one for a namespace of the journal
    /// (`/run/systemd/journal.NAME/socket`).
    pub socket: PathBuf,
    /// How long journald may be busy before a delivery is given up, and tried again later.
    pub timeout: Span,
}

impl Default for Settings {
    fn default() -> Self {
        let timeout = Span(std::time::Duration::from_secs(10));
        Self { socket: "/run/systemd/journal/socket".into(), timeout }
    }
}

/// Bytes of a path that a socket can have, with its end (unix(7), `sun_path`).
const PATH_MAX: usize = 108;

impl Settings {
    /// What is wrong with them; names the key.
    ///
    /// # Errors
    /// A text for people.
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
            let settings: Settings = toml::from_str(text).map_err(|error| error.to_string())?;
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
