//! Keys of a sink of type `clickhouse`.

use std::{collections::BTreeMap, time::Duration};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tracego_model::units::{Bytes, Span};

use crate::{
    http::tls::TlsSettings,
    sink::webhook::{KEY_IN_URL, Method, Secret, WebhookCompression, WebhookSettings},
};

/// Keys of a ClickHouse sink, beside those of all sinks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClickhouseSettings {
    /// Address of the HTTP interface: `https://host:8443` or `http://host:8123`.
    pub url: String,
    /// Database of the table; `tracego` by default.
    #[serde(default = "database")]
    pub database: String,
    /// Table that records are inserted into; `ingest` by default.
    #[serde(default = "table")]
    pub table: String,
    /// User; that of the server's default without it.
    pub user: Option<Secret>,
    /// Password of the user.
    pub password: Option<Secret>,
    /// Whether the server collects the inserts of many machines; `false` by default.
    #[serde(default)]
    pub async_insert: bool,
    /// More settings of the query, in place of those that tracego sends. An empty text leaves one out.
    #[serde(default)]
    pub settings: BTreeMap<String, QuerySetting>,
    /// Compression of bodies; `zstd` by default.
    #[serde(default = "compression")]
    pub compression: WebhookCompression,
    /// Maximum number of records per request; 10000 by default.
    #[serde(default = "batch_records")]
    pub batch_records: usize,
    /// Maximum size of a request before compression; 8M by default.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: Bytes,
    /// Timeout of a whole request; 30s by default.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Trusted certificates and client certificate, for `https`.
    pub tls: Option<TlsSettings>,
}

/// The value of a query's setting.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(untagged, expecting = "a text, a number, or true or false")]
pub enum QuerySetting {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl QuerySetting {
    fn text(&self) -> String {
        match self {
            Self::Flag(flag) => u8::from(*flag).to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn database() -> String {
    "tracego".to_owned()
}

fn table() -> String {
    "ingest".to_owned()
}

fn compression() -> WebhookCompression {
    WebhookCompression::Zstd
}

fn batch_records() -> usize {
    10_000
}

fn batch_bytes() -> Bytes {
    Bytes(8 << 20)
}

fn timeout() -> Span {
    Span(Duration::from_secs(30))
}

/// Bytes that are escaped in values of the query, except for the place of the key.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');
/// Characters that a base address may not have, beside those that no address has.
const QUERY: &AsciiSet = &CONTROLS.add(b'?').add(b'#');

/// Settings of the query: JSON as tracego writes it goes into columns that keep objects as text, and the answer
/// comes behind the insert.
const SENT: [(&str, &str); 8] = [
    ("date_time_input_format", "best_effort"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("input_format_json_read_arrays_as_strings", "1"),
    ("input_format_json_read_objects_as_strings", "1"),
    ("input_format_skip_unknown_fields", "1"),
    ("send_progress_in_http_headers", "0"),
    ("wait_end_of_query", "1"),
    ("insert_deduplication_token", KEY_IN_URL),
];

impl ClickhouseSettings {
    /// Returns the webhook that the sink is.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key and what to write.
    pub(crate) fn webhook(&self) -> Result<WebhookSettings, String> {
        if self.url.contains(KEY_IN_URL) || utf8_percent_encode(&self.url, QUERY).count() > 1 {
            return Err(
                "url: write the address alone, such as https://host:8443; what the query needs are keys \
                        of the sink, and more of it goes into settings"
                    .to_owned(),
            );
        }
        for (key, name) in [("database", &self.database), ("table", &self.table)] {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_plain) {
                return Err(format!("{key}: must have letters, digits and '_' only"));
            }
        }
        if self.password.is_some() && self.user.is_none() {
            return Err("password: is that of no user; write user, too".to_owned());
        }
        let user = self.user.clone().map(|user| ("X-ClickHouse-User".to_owned(), user));
        let password = self.password.clone().map(|password| ("X-ClickHouse-Key".to_owned(), password));
        let settings = WebhookSettings {
            url: format!("{}/?{}", self.url.trim_end_matches('/'), self.query()?),
            headers: user.into_iter().chain(password).collect(),
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

    fn query(&self) -> Result<String, String> {
        let flag = |flag: bool| if flag { "1" } else { "0" };
        let mut settings: BTreeMap<&str, String> =
            SENT.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        settings.insert("async_insert", flag(self.async_insert).to_owned());
        if self.async_insert {
            settings.insert("wait_for_async_insert", "1".to_owned());
            settings.insert("async_insert_deduplicate", "1".to_owned());
            // The server does not do both.
            settings.remove("deduplicate_blocks_in_dependent_materialized_views");
        }
        for (name, value) in &self.settings {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_plain) {
                return Err(format!("settings: '{name}' is no name of a setting of ClickHouse"));
            }
            if ["query", "user", "password", "database"].contains(&name.as_str()) {
                return Err(format!("settings: {name} is a key of the sink"));
            }
            settings.insert(name, value.text());
        }
        let insert = format!("INSERT INTO {}.{} FORMAT JSONEachRow", self.database, self.table);
        let mut query = format!("query={}", utf8_percent_encode(&insert, ESCAPED));
        for (name, value) in settings.into_iter().filter(|(_, value)| !value.is_empty()) {
            let value = match value == KEY_IN_URL {
                true => value,
                false => utf8_percent_encode(&value, ESCAPED).to_string(),
            };
            query += &format!("&{name}={value}");
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WebhookSettings, String> {
        let settings: ClickhouseSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.webhook()
    }

    #[test]
    fn an_address_is_enough() {
        let webhook = read("url = 'http://127.0.0.1:8123'").unwrap();
        assert_eq!(
            webhook.url,
            "http://127.0.0.1:8123/?query=INSERT%20INTO%20tracego.ingest%20FORMAT%20JSONEachRow\
             &async_insert=0&date_time_input_format=best_effort\
             &deduplicate_blocks_in_dependent_materialized_views=1\
             &input_format_json_read_arrays_as_strings=1&input_format_json_read_objects_as_strings=1\
             &input_format_skip_unknown_fields=1&insert_deduplication_token={batch}\
             &send_progress_in_http_headers=0&wait_end_of_query=1"
        );
        assert!(webhook.headers.is_empty() && webhook.compression == WebhookCompression::Zstd);
    }

    #[test]
    fn everything_can_be_said() {
        let webhook = read(
            "url = 'https://db:8443/ch/'\ndatabase = 'audit'\ntable = 'records'\nasync-insert = true\n\
             user = 'tracego'\npassword = { env = 'PATH' }\n\
             settings = { wait_end_of_query = '', insert_quorum = 2, async_insert_deduplicate = false, \
             log_comment = 'a b&c' }",
        )
        .unwrap();
        assert!(webhook.url.starts_with("https://db:8443/ch/?query=INSERT%20INTO%20audit.records%20"));
        for part in [
            "&async_insert=1&async_insert_deduplicate=0&",
            "&wait_for_async_insert=1",
            "&insert_quorum=2&",
            "&log_comment=a%20b%26c&",
        ] {
            assert!(webhook.url.contains(part), "{part}: {}", webhook.url);
        }
        assert!(!webhook.url.contains("wait_end_of_query") && !webhook.url.contains("materialized_views"));
        let names: Vec<&str> = webhook.headers.keys().map(String::as_str).collect();
        assert_eq!(names, ["X-ClickHouse-Key", "X-ClickHouse-User"]);
    }

    #[test]
    fn mistakes_name_the_key_and_the_way_out() {
        for (text, said) in [
            ("url = 'http://h/?query=x'", "url: write the address alone"),
            ("url = 'http://h/{batch}'", "url: write the address alone"),
            ("url = 'http://me:hush@h'", "url: the address contains a user"),
            ("url = 'h'", "url: write https://"),
            ("url = 'http://h'\ntable = 'a b'", "table: must have letters"),
            ("url = 'http://h'\ndatabase = ''", "database: must have letters"),
            ("url = 'http://h'\npassword = 'x'", "password: is that of no user"),
            ("url = 'http://h'\nsettings = { query = 'x' }", "settings: query is a key"),
            ("url = 'http://h'\nsettings = { 'a&b' = 'x' }", "settings: 'a&b' is no name"),
            ("url = 'http://h'\nbatch-records = 0", "batch-records"),
        ] {
            let Err(why) = read(text) else { panic!("{text}") };
            assert!(why.contains(said), "{text}: {why}");
            assert!(!why.contains("hush"), "{why}");
        }
    }
}
