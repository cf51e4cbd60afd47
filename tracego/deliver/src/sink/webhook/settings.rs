//! Keys of a sink of type `webhook`.

use std::{collections::BTreeMap, time::Duration};

use hyper::{
    Uri,
    header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING},
};
use serde::Deserialize;
use tracego_model::units::{Bytes, Span};

use super::{KEY_IN_URL, secret::Secret};
use crate::http::tls::TlsSettings;

/// Keys of a webhook sink, beside those of all sinks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookSettings {
    /// Address of the receiver: `https://host/path` or `http://…`. `{batch}` in the path or the query is
    /// replaced by the key of the request.
    pub url: String,
    /// Headers of each request; values are texts, `{ file = "/path" }` or `{ env = "NAME" }`.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Compression of bodies; `none` by default.
    #[serde(default)]
    pub compression: WebhookCompression,
    /// Maximum number of records per request; 500 by default.
    #[serde(default = "batch_records")]
    pub batch_records: usize,
    /// Maximum size of a request before compression; 1M by default. A larger record is sent alone.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: Bytes,
    /// Timeout of a whole request, from connecting to the end of the answer; 10s by default.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Trusted certificates and client certificate, for `https`.
    pub tls: Option<TlsSettings>,
    /// HTTP method; `POST` by default.
    #[serde(default)]
    pub method: Method,
    /// Key that signs each body: see [`super::SIGNATURE_HEADER`].
    pub secret: Option<Secret>,
}

/// Compression of bodies.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookCompression {
    /// No compression.
    #[default]
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl WebhookCompression {
    /// Returns the name for `Content-Encoding`; `None` for bodies that are not compressed.
    pub(super) fn coding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// HTTP method of requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
}

fn batch_records() -> usize {
    500
}

fn batch_bytes() -> Bytes {
    Bytes(1 << 20)
}

fn timeout() -> Span {
    Span(Duration::from_secs(10))
}

/// Headers that frame the body; only tracego sets them.
const RESERVED_HEADERS: [HeaderName; 4] = [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING];

impl WebhookSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key and what to write.
    pub fn check(&self) -> Result<(), String> {
        let uri = self.uri()?;
        if self.tls.is_some() && uri.scheme_str() != Some("https") {
            return Err("tls: the url is not encrypted; write https://, or leave tls out".to_owned());
        }
        if self.batch_records == 0 {
            return Err("batch-records: a request has at least one record; write 1 or more".to_owned());
        }
        if self.batch_bytes.0 == 0 {
            return Err("batch-bytes: a request has at least one record; write 1M".to_owned());
        }
        if self.timeout.0.is_zero() {
            return Err("timeout: must be more than 0; write 10s".to_owned());
        }
        let names = self.headers.keys().map(|name| header_name(name));
        names.collect::<Result<Vec<_>, _>>().map(drop)
    }

    /// Returns the address of the receiver, for a request without a key.
    pub(super) fn uri(&self) -> Result<Uri, String> {
        self.uri_of("batch")
    }

    /// Returns the address of the request with this key.
    pub(super) fn uri_of(&self, key: &str) -> Result<Uri, String> {
        let wrong = || "url: write https://host/path or http://host/path".to_owned();
        let uri: Uri = self.url.replace(KEY_IN_URL, key).parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') {
            return Err(
                "url: the address contains a user; write headers = { authorization = { file = \"/path\" } }"
                    .to_owned(),
            );
        }
        if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
            return Err(wrong());
        }
        if self.url.split('/').nth(2).is_some_and(|authority| authority.contains(KEY_IN_URL)) {
            return Err("url: {batch} may stand in the path and the query only".to_owned());
        }
        Ok(uri)
    }

    /// Returns the headers with their current values; files and variables are read anew.
    pub(super) fn header_values(&self) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let read = |(name, secret): (&String, &Secret)| {
            let text = secret.read().map_err(|why| format!("headers {name}: {why}"))?;
            let value = secret_value(&text).map_err(|why| format!("headers {name}: {why}"))?;
            Ok((header_name(name)?, value))
        };
        self.headers.iter().map(read).collect()
    }
}

/// Returns a secret as the value of a header, which is shown nowhere.
pub(crate) fn secret_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| "the value holds characters that are not allowed in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    let parsed =
        HeaderName::try_from(name).map_err(|_| format!("headers: '{name}' is no name of a header"))?;
    if RESERVED_HEADERS.contains(&parsed) {
        return Err(format!("headers: {name} follows from how the body is sent; leave it out"));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WebhookSettings, String> {
        let settings: WebhookSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn a_url_is_enough() {
        let settings = read("url = 'https://siem.example/in'").unwrap();
        assert_eq!((settings.method, settings.compression), (Method::Post, WebhookCompression::None));
        assert_eq!((settings.batch_records, settings.batch_bytes), (500, Bytes(1 << 20)));
    }

    #[test]
    fn everything_can_be_said() {
        let text = r#"
            url = "https://siem.example:8443/in?source=tracego"
            headers = { authorization = { env = "PATH" }, X-Site = "berlin" }
            compression = "gzip"
            batch-records = 100
            batch-bytes = "256K"
            timeout = "5s"
            tls = { server-name = "siem" }
            method = "PUT"
            secret = { file = "/etc/tracego/secret" }
        "#;
        let settings = read(text).unwrap();
        assert_eq!((settings.method, settings.compression), (Method::Put, WebhookCompression::Gzip));
        let headers = settings.header_values().unwrap();
        assert_eq!((headers[0].0.as_str(), headers[1].0.as_str()), ("x-site", "authorization"));
        assert!(headers.iter().all(|(_, value)| value.is_sensitive()));
    }

    #[test]
    fn mistakes_name_the_key_and_the_way_out() {
        for (more, said) in [
            ("url = 'host/path'", "url: write https://"),
            ("url = 'ftp://host'", "url: write https://"),
            ("url = 'https://{batch}.host/'", "url: {batch} may stand in"),
            ("url = 'https://'", "url: write https://"),
            ("url = 'https://me:pass@host'", "headers = { authorization"),
            ("url = 'http://h'\ntls = {}", "tls: the url is not encrypted"),
            ("url = 'http://h'\nbatch-records = 0", "batch-records"),
            ("url = 'http://h'\nbatch-bytes = 0", "batch-bytes"),
            ("url = 'http://h'\ntimeout = 0", "timeout"),
            ("url = 'http://h'\nheaders = { 'a b' = 'c' }", "'a b' is no name of a header"),
            ("url = 'http://h'\nheaders = { Content-Length = '1' }", "Content-Length follows"),
            ("url = 'http://h'\nmethod = 'GET'", "POST"),
            ("url = 'http://h'\ncompression = 'br'", "zstd"),
            ("compression = 'gzip'", "url"),
        ] {
            let Err(why) = read(more) else { panic!("{more}") };
            assert!(why.contains(said), "{more}: {why}");
        }
        let settings = read("url = 'http://h'\nheaders = { a = \"b\\nc\" }").unwrap();
        assert!(
            settings.header_values().is_err_and(|why| why.contains("headers a: ") && !why.contains("b\n"))
        );
    }
}
