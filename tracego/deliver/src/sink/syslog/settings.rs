//! Keys of a sink of type `syslog`.

use std::time::Duration;

use serde::Deserialize;
use tracego_model::units::{Bytes, Span};

use super::{address::Address, facility::Facility};
use crate::http::tls::TlsSettings;

/// Keys of a syslog sink, beside those of all sinks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SyslogSettings {
    /// Address of the receiver: `unix:/run/siem.sock`, `udp://host:514`, `tcp://host:601` or
    /// `tls://host:6514`.
    pub address: Address,
    /// Facility by name or number; `audit` (13) by default.
    #[serde(default)]
    pub facility: Facility,
    /// APP-NAME: at most 48 printable ASCII characters without blanks.
    #[serde(default = "app_name")]
    pub app_name: String,
    /// HOSTNAME; the name of the machine by default.
    pub hostname: Option<String>,
    /// Whether messages carry `[meta sequenceId=…]` and `[origin software=… swVersion=…]`.
    #[serde(default = "yes")]
    pub structured_data: bool,
    /// Name of an element with `uid`, `seq`, `job`, `commit` and `findings`, like `tracego@32473` with your
    /// own enterprise number. Without it, the element is left out, because tracego has no number.
    pub sd_id: Option<String>,
    /// Maximum length of a message that the receiver takes whole, in bytes; records with longer ones are
    /// shortened. 8K by default: the size that RFC 5425 asks of receivers, and the default of rsyslog.
    #[serde(default = "max_bytes")]
    pub max_bytes: Bytes,
    /// Timeout for connecting, and for progress within a delivery.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Trusted certificates and client certificate, for `tls://`.
    pub tls: Option<TlsSettings>,
}

fn app_name() -> String {
    "tracego".to_owned()
}

fn yes() -> bool {
    true
}

fn max_bytes() -> Bytes {
    Bytes(8192)
}

fn timeout() -> Span {
    Span(Duration::from_secs(10))
}

/// Length of a message that every receiver has to take, in bytes (RFC 5424 section 6.1).
const LEAST: u64 = 480;
/// Maximum length of a message over UDP and IPv4, in bytes: 65535 without both headers (RFC 5426 section
/// 3.2).
const UDP_MOST: u64 = 65_507;

/// Whether a byte is PRINTUSASCII of RFC 5424.
pub(super) fn printable(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

fn word(key: &str, text: &str, most: usize) -> Result<(), String> {
    if text.is_empty() || text.len() > most || !text.bytes().all(printable) {
        return Err(format!(
            "{key}: '{text}' cannot be sent; write 1 to {most} printable ASCII characters without blanks"
        ));
    }
    Ok(())
}

impl SyslogSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key and what to write.
    pub fn check(&self) -> Result<(), String> {
        word("app-name", &self.app_name, 48)?;
        if let Some(name) = &self.hostname {
            word("hostname", name, 255)?;
        }
        if let Some(id) = &self.sd_id {
            sd_id(id)?;
            if !self.structured_data {
                return Err(
                    "sd-id names a part of the structured data; leave structured-data = false out".to_owned()
                );
            }
        }
        if self.tls.is_some() && !matches!(self.address, Address::Tls(_)) {
            return Err(format!(
                "tls: {} is not encrypted; write tls://host:6514, or leave tls out",
                self.address
            ));
        }
        let Bytes(max) = self.max_bytes;
        if max < LEAST {
            return Err(format!("max-bytes: every receiver takes {LEAST} bytes; write at least that"));
        }
        if max > UDP_MOST && matches!(self.address, Address::Udp(_)) {
            return Err(format!(
                "max-bytes: no datagram is longer than {UDP_MOST} bytes; write at most that"
            ));
        }
        if self.timeout.0.is_zero() {
            return Err("timeout: must be more than 0; write 10s".to_owned());
        }
        Ok(())
    }
}

/// Checks an SD-ID with an enterprise number (RFC 5424 sections 6.3.2 and 7.2.2).
fn sd_id(id: &str) -> Result<(), String> {
    word("sd-id", id, 32)?;
    let number = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && text.starts_with(|c: char| c.is_ascii_digit())
    };
    match id.split_once('@') {
        Some((name, owner)) if !name.is_empty() && number(owner) && !name.contains(['=', ']', '"']) => Ok(()),
        _ => {
            Err(format!("sd-id: '{id}' is no name@number; write tracego@ and your private enterprise number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads settings; the address is /dev/log unless the text has one.
    fn read(text: &str) -> Result<SyslogSettings, String> {
        let text =
            if text.contains("address") { text } else { &format!("address = 'unix:/dev/log'\n{text}") };
        let settings: SyslogSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn an_address_is_enough() {
        let settings = read("address = 'unix:/dev/log'").unwrap();
        assert_eq!(settings.address.to_string(), "unix:/dev/log");
        assert_eq!((settings.facility.number(), settings.app_name.as_str()), (13, "tracego"));
        assert!(settings.structured_data && settings.sd_id.is_none() && settings.hostname.is_none());
        assert_eq!(settings.max_bytes, Bytes(8192));
    }

    #[test]
    fn everything_can_be() {
        let text = r#"
            address = "tls://siem.example:6514"
            facility = "local4"
            app-name = "tracego-build"
            hostname = "builder-7"
            sd-id = "tracego@32473"
            max-bytes = "64K"
            timeout = "5s"
            tls = { ca = "/etc/ssl/siem.pem", server-name = "siem" }
        "#;
        let settings = read(text).unwrap();
        assert_eq!((settings.facility.number(), settings.max_bytes), (20, Bytes(65_536)));
        assert!(read("facility = 16").unwrap().facility.number() == 16);
    }

    #[test]
    fn mistakes_name_the_key_and_the_way_out() {
        for (text, said) in [
            ("app-name = \"a b\"", "app-name: 'a b'"),
            ("app-name = \"\"", "app-name: ''"),
            ("hostname = \"ü\"", "hostname: 'ü'"),
            ("sd-id = \"tracego\"", "sd-id: 'tracego' is no name@number"),
            ("sd-id = \"a]@1\"", "sd-id"),
            ("sd-id = \"a@1\"\nstructured-data = false", "leave structured-data = false out"),
            ("tls = {}", "tls: unix:/dev/log is not encrypted"),
            ("max-bytes = 100", "max-bytes: every receiver takes 480"),
            ("address = \"udp://h\"\nmax-bytes = \"64K\"", "max-bytes: no datagram is longer"),
            ("timeout = 0", "timeout"),
            ("facility = \"kern\"", "facility kern"),
            ("address = \"h:514\"", "write unix:/dev/log"),
            ("address = \"tcp://h\"\nadress = 1", "adress"),
            ("#address", "missing field `address`"),
        ] {
            let Err(why) = read(text) else { panic!("{text}") };
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
