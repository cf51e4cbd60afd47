//! Keys of a sink of type `elasticsearch`.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hyper::header::HeaderValue;
use serde::Deserialize;
use tracego_model::units::{Bytes, Span};

use crate::{
    format::Format,
    http::tls::TlsSettings,
    sink::webhook::{Method, Secret, WebhookCompression, WebhookSettings, secret_value},
};

/// Keys of an Elasticsearch sink, beside those of all sinks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ElasticsearchSettings {
    /// Address of the store: `https://host:9200`.
    pub url: String,
    /// Data stream that records are written to; `logs-tracego-default` by default.
    pub data_stream: Option<String>,
    /// Index or alias that records are written to, instead of a data stream.
    pub index: Option<String>,
    /// API key, as the store gives it in its encoded form.
    pub api_key: Option<Secret>,
    /// User, instead of an API key.
    pub user: Option<Secret>,
    /// Password of the user.
    pub password: Option<Secret>,
    /// Ingest pipeline of the store.
    pub pipeline: Option<String>,
    /// Compression of bodies: `none` or `gzip`; `gzip` by default.
    #[serde(default = "compression")]
    pub compression: WebhookCompression,
    /// Maximum number of records per request; 1000 by default.
    #[serde(default = "batch_records")]
    pub batch_records: usize,
    /// Maximum size of a request before compression; 5M by default.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: Bytes,
    /// Timeout of a whole request; 30s by default.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Trusted certificates and client certificate, for `https`.
    pub tls: Option<TlsSettings>,
}

const DATA_STREAM: &str = "logs-tracego-default";

fn compression() -> WebhookCompression {
    WebhookCompression::Gzip
}

fn batch_records() -> usize {
    1000
}

fn batch_bytes() -> Bytes {
    Bytes(5 << 20)
}

fn timeout() -> Span {
    Span(Duration::from_secs(30))
}

/// Credentials of the bulk API.
#[derive(Clone, Debug)]
pub(crate) enum BulkCredentials {
    /// An API key.
    ApiKey(Secret),
    /// User and password.
    Basic(Secret, Secret),
}

impl BulkCredentials {
    /// Returns the value of the header `Authorization`; files and variables are read anew.
    pub(crate) fn header(&self) -> Result<HeaderValue, String> {
        let read = |key: &str, secret: &Secret| secret.read().map_err(|why| format!("{key}: {why}"));
        match self {
            Self::ApiKey(key) => secret_value(&format!("ApiKey {}", read("api-key", key)?))
                .map_err(|why| format!("api-key: {why}")),
            Self::Basic(user, password) => {
                let (user, password) = (read("user", user)?, read("password", password)?);
                if user.contains(':') {
                    return Err("user: must have no ':', which ends it in the header".to_owned());
                }
                secret_value(&format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
            }
        }
    }
}

impl ElasticsearchSettings {
    /// Returns the webhook that the sink is, for payloads that are lines of `format`.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key and what to write.
    pub(crate) fn webhook(&self, format: Format) -> Result<WebhookSettings, String> {
        if self.url.contains(['?', '#', '{']) {
            return Err("url: write the address alone, such as https://host:9200".to_owned());
        }
        let target = match (&self.data_stream, &self.index) {
            (Some(_), Some(_)) => {
                return Err("index: records go to one place; leave out index or data-stream".to_owned());
            }
            (None, Some(index)) => index,
            (stream, None) if format == Format::Ecs => stream.as_deref().unwrap_or(DATA_STREAM),
            (_, None) => {
                return Err(format!(
                    "format: a data stream needs @timestamp, which {} does not have; write format = \"ecs\", or index",
                    format.name()
                ));
            }
        };
        if !matches!(format, Format::Json | Format::Ecs | Format::Ocsf) {
            return Err(format!("format: documents cannot be {}; write ecs, json or ocsf", format.name()));
        }
        check_name(if self.index.is_some() { "index" } else { "data-stream" }, target)?;
        if let Some(pipeline) = &self.pipeline {
            check_name("pipeline", pipeline)?;
        }
        match (&self.api_key, &self.user, &self.password) {
            (Some(_), None, None) | (None, None, None) | (None, Some(_), Some(_)) => {}
            (Some(_), ..) => {
                return Err("api-key: leave out user and password, or api-key".to_owned());
            }
            _ => return Err("user: needs a password, and password a user; write both".to_owned()),
        }
        if self.compression == WebhookCompression::Zstd {
            return Err("compression: Elasticsearch reads gzip alone; write gzip or none".to_owned());
        }
        let pipeline = self.pipeline.as_ref().map_or_else(String::new, |name| format!("&pipeline={name}"));
        let base = self.url.trim_end_matches('/');
        let settings = WebhookSettings {
            // Only what is read comes back.
            url: format!("{base}/{target}/_bulk?filter_path=errors,items.*.status,items.*.error{pipeline}"),
            headers: BTreeMap::new(),
            compression: self.compression,
            batch_records: self.batch_records,
            batch_bytes: self.batch_bytes,
            timeout: self.timeout,
            tls: self.tls.clone(),
            method: Method::Post,
            secret: None,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Returns the credentials, if there are some.
    pub(crate) fn credentials(&self) -> Option<BulkCredentials> {
        match (&self.api_key, &self.user, &self.password) {
            (Some(key), ..) => Some(BulkCredentials::ApiKey(key.clone())),
            (None, Some(user), Some(password)) => {
                Some(BulkCredentials::Basic(user.clone(), password.clone()))
            }
            _ => None,
        }
    }
}

/// Checks a name that becomes a part of the address.
fn check_name(key: &str, name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.+".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.');
    if begins && name.len() <= 255 && name.chars().all(is_plain) && name.chars().any(char::is_alphanumeric) {
        return Ok(());
    }
    Err(format!("{key}: must have small letters, digits, '-', '_' and '.' only, such as {DATA_STREAM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format) -> Result<(WebhookSettings, Option<BulkCredentials>), String> {
        let settings: ElasticsearchSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok((settings.webhook(format)?, settings.credentials()))
    }

    #[test]
    fn an_address_is_enough() {
        let (webhook, credentials) = read("url = 'https://es:9200/'", Format::Ecs).unwrap();
        assert_eq!(
            webhook.url,
            "https://es:9200/logs-tracego-default/_bulk?filter_path=errors,items.*.status,items.*.error"
        );
        assert!(credentials.is_none() && webhook.compression == WebhookCompression::Gzip);
    }

    #[test]
    fn credentials_are_a_header_that_is_shown_nowhere() {
        let key = "url = 'https://es:9200'\nindex = 'audit'\npipeline = 'p-1'\napi-key = 'aGk6eW91'";
        let (webhook, credentials) = read(key, Format::Json).unwrap();
        assert!(
            webhook.url.starts_with("https://es:9200/audit/_bulk?") && webhook.url.ends_with("&pipeline=p-1")
        );
        let header = credentials.unwrap().header().unwrap();
        assert_eq!(header.to_str().unwrap(), "ApiKey aGk6eW91");
        assert!(header.is_sensitive() && !format!("{header:?}").contains("aGk6"));
        // Example of RFC 7617 section 2.
        let user = "url = 'https://es:9200'\nuser = 'Aladdin'\npassword = 'open sesame'";
        let (_, credentials) = read(user, Format::Ecs).unwrap();
        assert!(!format!("{credentials:?}").contains("sesame"));
        let header = credentials.unwrap().header().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn mistakes_name_the_key_and_the_way_out() {
        for (text, format, said) in [
            ("", Format::Json, "format: a data stream needs @timestamp"),
            ("index = 'a'", Format::Cef, "format: documents cannot be cef"),
            ("index = 'a'\ndata-stream = 'b'", Format::Ecs, "index: records go to one place"),
            ("data-stream = 'Logs'", Format::Ecs, "data-stream: must have small letters"),
            ("index = '../a'", Format::Ecs, "index: must have small letters"),
            ("index = '..'", Format::Ecs, "index: must have small letters"),
            ("pipeline = 'a&b'", Format::Ecs, "pipeline: must have small letters"),
            ("api-key = 'a'\nuser = 'b'", Format::Ecs, "api-key: leave out"),
            ("user = 'b'", Format::Ecs, "user: needs a password"),
            ("compression = 'zstd'", Format::Ecs, "compression: Elasticsearch reads gzip"),
        ] {
            let Err(why) = read(&format!("url = 'http://h'\n{text}"), format) else { panic!("{text}") };
            assert!(why.contains(said), "{text}: {why}");
        }
        assert!(read("url = 'http://h?x'", Format::Ecs).is_err_and(|why| why.contains("url: write")));
    }
}
