//! The `[[sinks]]` tables of the configuration: their keys, the filter, and the registry that makes the
//! encoder and the transport of each type.

pub(crate) mod encoder;
mod expression;
pub mod filter;
mod queued_form;
pub(crate) mod registry;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::Context as _;
use serde::Deserialize;
use tracego_model::{
    finding::Severity,
    matcher::{self, ProcessMatcher, ProcessScope},
    units::{Bytes, Span},
};
use tracego_spool::{OnFull, QueueLimits};

pub use expression::Expression as RecordExpression;

use super::{clickhouse, elasticsearch, file, journald, kafka, queue::pace::PaceSettings, syslog, webhook};
use crate::{collector::OtlpSettings, detail::Detail, format::Format};
use filter::{Filter, FilterSettings};

/// The settings of one sink.
#[derive(Clone, Debug)]
pub struct SinkSettings {
    /// Name of the sink in logs, metrics and the spool folder.
    pub name: String,
    /// Type of the receiver, with its keys.
    pub kind: SinkKind,
    /// Keys that every sink has.
    pub common: CommonSettings,
    /// Keys of the type, as they are written in the configuration.
    pub own: toml::Table,
}

impl SinkSettings {
    /// Returns a sink of this type, with only the keys of the type.
    ///
    /// # Errors
    /// Fails if a key is wrong.
    pub fn of(kind: &str, own: toml::Table) -> Result<Self, String> {
        let (name, common) = (kind.to_owned(), CommonSettings::default());
        let sink = Self { name, kind: SinkKind::read(kind, own.clone())?, common, own };
        check(&sink)?;
        Ok(sink)
    }

    /// Returns whether a sink can keep its thread when its settings become `other`: the two differ only in
    /// the choice and the format of records.
    #[must_use]
    pub fn same_worker(&self, other: &Self) -> bool {
        let kept = |common: &CommonSettings| CommonSettings {
            format: None,
            detail: None,
            modules: None,
            fields: None,
            drop: None,
            events: Vec::new(),
            min_severity: None,
            r#where: None,
            only: Vec::new(),
            except: Vec::new(),
            ..common.clone()
        };
        self.name == other.name
            && self.kind.name() == other.kind.name()
            && self.own == other.own
            && kept(&self.common) == kept(&other.common)
    }
}

/// The keys of every sink.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommonSettings {
    /// Format of the records.
    pub format: Option<Format>,
    /// The members of a record that are written.
    pub detail: Option<Detail>,
    /// Whether each executable that starts has a record with its modules.
    pub modules: Option<bool>,
    /// Names of the members of a record that are written.
    pub fields: Option<Vec<String>>,
    /// Names of the members that are left out.
    pub drop: Option<Vec<String>>,
    /// Names of the events that are taken.
    #[serde(default)]
    pub events: Vec<String>,
    /// Lowest severity that the worst finding of a process record must have.
    pub min_severity: Option<Severity>,
    /// CEL expression that has to be true.
    pub r#where: Option<String>,
    /// Matchers of the processes whose records are taken; all when empty.
    #[serde(skip)]
    pub only: Vec<ProcessMatcher>,
    /// Matchers of the processes whose records are left out.
    #[serde(skip)]
    pub except: Vec<ProcessMatcher>,
    /// Behaviour when the queue is full.
    pub on_full: Option<OnFull>,
    /// Number of bytes that may wait.
    pub queue_bytes: Option<Bytes>,
    /// Age above which waiting records are dropped.
    pub queue_age: Option<Span>,
    /// Longest time that the end of tracego waits for the remaining records to be delivered.
    pub drain: Option<Span>,
    /// The file for records that the receiver refused for good.
    pub dead_letters: Option<PathBuf>,
    /// Longest time that a record waits for others that are delivered with it.
    pub batch_wait: Option<Span>,
    /// Number of waiting bytes that are delivered without waiting for more.
    pub batch_min_bytes: Option<Bytes>,
    /// Number of bytes a second that are delivered after an outage.
    pub catch_up_bytes: Option<Bytes>,
    /// Time that the receiver may fail at one record, while it takes others, before that record is given up.
    pub give_up_after: Option<GiveUpAfter>,
}

/// The time after which a record that the receiver fails at is given up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub enum GiveUpAfter {
    /// Never: everything behind the record waits.
    Never,
    /// After this time, and several attempts.
    After(Span),
}

impl TryFrom<String> for GiveUpAfter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "never" { Ok(Self::Never) } else { text.parse().map(Self::After) }
    }
}

/// The names of the keys in [`CommonSettings`].
const COMMON: [&str; 17] = [
    "format",
    "detail",
    "modules",
    "fields",
    "drop",
    "events",
    "min-severity",
    "where",
    "on-full",
    "queue-bytes",
    "queue-age",
    "drain",
    "dead-letters",
    "batch-wait",
    "batch-min-bytes",
    "catch-up-bytes",
    "give-up-after",
];

/// Default number of bytes that may wait on the disk, and in memory.
const ON_DISK: u64 = 1 << 30;
const IN_MEMORY: u64 = 16 << 20;
/// Default for the longest wait at the end.
const DRAIN: Duration = Duration::from_secs(5);
/// Default time for which a record that the receiver fails at holds up the others.
const GIVE_UP: Duration = Duration::from_mins(1);

impl CommonSettings {
    /// Returns the keys that choose records.
    #[must_use]
    pub fn filter(&self) -> FilterSettings {
        FilterSettings {
            events: self.events.clone(),
            min_severity: self.min_severity,
            r#where: self.r#where.clone(),
            scope: ProcessScope { only: self.only.clone(), except: self.except.clone() },
        }
    }

    /// Returns the bounds of the queue.
    #[must_use]
    pub fn limits(&self, durable: bool) -> QueueLimits {
        let default = if durable { ON_DISK } else { IN_MEMORY };
        QueueLimits {
            total_bytes: self.queue_bytes.map_or(default, |bytes| bytes.0),
            max_age: self.queue_age.map(|age| age.0),
            on_full: self.on_full.unwrap_or(OnFull::DropOldest),
            compress: durable,
            ..QueueLimits::default()
        }
    }

    /// Returns the bounds on how often and how fast batches are delivered, where `default` is that of the type.
    #[must_use]
    pub(crate) fn pace(&self, default: PaceSettings) -> PaceSettings {
        PaceSettings {
            batch_wait: self.batch_wait.map_or(default.batch_wait, |span| span.0),
            batch_min_bytes: self.batch_min_bytes.map_or(default.batch_min_bytes, |bytes| bytes.0),
            catch_up_bytes: self.catch_up_bytes.map(|bytes| bytes.0).or(default.catch_up_bytes),
        }
    }

    /// Returns how long one record may hold up the others; `None` for no end.
    #[must_use]
    pub fn give_up_after(&self) -> Option<Duration> {
        match self.give_up_after {
            None => Some(GIVE_UP),
            Some(GiveUpAfter::Never) => None,
            Some(GiveUpAfter::After(span)) => Some(span.0),
        }
    }

    /// Returns the longest wait at the end.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.drain.map_or(DRAIN, |span| span.0)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($settings:ty) = $name:literal),+ $(,)?) => {
        /// The type of a sink, with the keys of that type.
        #[derive(Clone, Debug)]
        pub enum SinkKind { $($(#[$doc])* $variant($settings)),+ }

        impl SinkKind {
            /// Names of all types.
            pub const NAMES: &[&str] = &[$($name),+];

            /// Returns the name of the type, as in the key `type`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),+ }
            }

            fn read(name: &str, table: toml::Table) -> Result<Self, String> {
                match name {
                    $($name => table.try_into().map(Self::$variant).map_err(|error| error.message().to_owned()),)+
                    _ => Err(format!("type: '{name}' is unknown; the types are: {}", Self::NAMES.join(", "))),
                }
            }
        }
    };
}

/// A type without keys of its own.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NoKeys {}

kinds! {
    /// Standard output.
    Stdout(NoKeys) = "stdout",
    /// A file that is rotated.
    File(file::FileSettings) = "file",
    /// A syslog receiver (RFC 5424).
    Syslog(syslog::SyslogSettings) = "syslog",
    /// The journal of systemd.
    Journald(journald::JournaldSettings) = "journald",
    /// An OpenTelemetry collector.
    Otlp(OtlpSettings) = "otlp",
    /// An HTTP endpoint.
    Webhook(webhook::WebhookSettings) = "webhook",
    /// A table of ClickHouse.
    Clickhouse(clickhouse::ClickhouseSettings) = "clickhouse",
    /// Elasticsearch or OpenSearch.
    Elasticsearch(elasticsearch::ElasticsearchSettings) = "elasticsearch",
    /// A topic of Kafka.
    Kafka(kafka::KafkaSettings) = "kafka",
}

/// Reads the tables.
///
/// # Errors
/// Fails if a key is unknown, missing or wrong, or a name is used twice; the text names the sink and the key.
pub fn read(tables: Vec<toml::Value>) -> Result<Vec<SinkSettings>, String> {
    let mut names = BTreeSet::new();
    let mut sinks = Vec::new();
    for (at, table) in tables.into_iter().enumerate() {
        let toml::Value::Table(table) = table else {
            return Err("sinks: write each as a table: [[sinks]]".to_owned());
        };
        let named = table.get("name").or(table.get("type")).and_then(toml::Value::as_str);
        let named = named.map(str::to_owned);
        let place =
            || named.clone().map_or_else(|| format!("sinks {}", at + 1), |name| format!("sinks {name}"));
        let sink = one(table).map_err(|error| format!("{}: {error}", place()))?;
        if !names.insert(sink.name.clone()) {
            return Err(format!("{}: name: is used twice; give each sink its own name", place()));
        }
        sinks.push(sink);
    }
    Ok(sinks)
}

fn one(mut table: toml::Table) -> Result<SinkSettings, String> {
    let mut text = |key: &str| match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key}: must be a string")),
    };
    let kind = text("type")?
        .ok_or_else(|| format!("type: is missing; the types are: {}", SinkKind::NAMES.join(", ")))?;
    let name = text("name")?.unwrap_or_else(|| kind.clone());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err("name: must have 1 to 64 letters, digits, '-' and '_': it names a folder".to_owned());
    }
    let mut common = toml::Table::new();
    for key in COMMON {
        if let Some(value) = table.remove(key) {
            common.insert(key.to_owned(), value);
        }
    }
    let mut common: CommonSettings =
        common.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    for (key, list) in [("only", &mut common.only), ("except", &mut common.except)] {
        if let Some(value) = table.remove(key) {
            *list = matcher::read(&value).map_err(|error| format!("{key}: {error}"))?;
        }
    }
    Filter::new(&common.filter())?;
    let kind = SinkKind::read(&kind, table.clone())?;
    if let SinkKind::Clickhouse(_) = kind {
        // Looking for the record at fault cuts requests in another way, and their tokens would be others.
        common.give_up_after.get_or_insert(GiveUpAfter::Never);
    }
    Ok(SinkSettings { name, kind, common, own: table })
}

/// Returns the warnings about keys of the sinks that have other names now.
#[must_use]
pub fn warnings(sinks: &[SinkSettings]) -> Vec<String> {
    let of = |sink: &SinkSettings| {
        let lists = [("only", &sink.common.only), ("except", &sink.common.except)];
        let of_list = |(key, list): (&str, &Vec<_>)| {
            let warnings = matcher::warnings(list).into_iter();
            warnings.map(|warning| format!("sinks {}: {key}: {warning}", sink.name)).collect::<Vec<_>>()
        };
        lists.into_iter().flat_map(of_list).collect::<Vec<_>>()
    };
    sinks.iter().flat_map(of).collect()
}

/// Checks that a sink can be made of these settings, without opening a file that another sink may have open.
///
/// # Errors
/// Fails if that is not possible; the text names the key.
pub fn check(settings: &SinkSettings) -> Result<(), String> {
    Filter::new(&settings.common.filter())?;
    registry::encoder(settings)?;
    registry::check(settings)
}

/// Checks what the settings name on this machine, as far as that is possible without making or locking a file. A
/// configuration may be right where this fails: groups, keys and folders are those of one machine.
///
/// # Errors
/// Fails as the start of the sink would; the text names the key.
pub fn check_machine(settings: &SinkSettings) -> Result<(), String> {
    match &settings.kind {
        SinkKind::File(own) => file::machine_check::check(own),
        _ => Ok(()),
    }
}

/// Checks that all of these sinks can be made.
///
/// # Errors
/// Fails if one cannot; the text names the sink.
pub fn check_all(settings: &[SinkSettings]) -> anyhow::Result<()> {
    settings.iter().try_for_each(|settings| {
        check(settings).map_err(anyhow::Error::msg).with_context(|| format!("sink {}", settings.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_of_a_sink_passes_over_a_key_that_is_none() {
        let tls = "tls = { ca-fiel = '/x' }";
        let mut types = SinkKind::NAMES.to_vec();
        for (kind, text) in [
            ("stdout", "formt = 'json'"),
            ("file", "path = '/x'\nkeep_age = '1d'"),
            ("syslog", "address = 'tls://x:1'\napp_name = 'x'"),
            ("journald", "sockt = '/x'"),
            ("otlp", "endpont = 'http://x'"),
            ("webhook", "url = 'https://x'\nheader = {}"),
            ("stdout", "min_severity = 'high'"),
            ("syslog", &format!("address = 'tls://x:1'\n{tls}")),
            ("otlp", &format!("endpoint = 'https://x'\n{tls}")),
            ("webhook", &format!("url = 'https://x'\n{tls}")),
            ("webhook", "url = 'https://x'\nsecret = { file = '/x', mode = '0600' }"),
            ("webhook", "url = 'https://x'\nheaders = { a = { evn = 'X' } }"),
            ("clickhouse", "url = 'https://x'\ntabel = 'x'"),
            ("elasticsearch", "url = 'https://x'\napi_key = 'x'"),
            ("kafka", "brokers = ['x:1']\ntopics = 'x'"),
        ] {
            types.retain(|left| *left != kind);
            let table: toml::Table = format!("type = '{kind}'\n{text}").parse().unwrap();
            let error = read(vec![toml::Value::Table(table)]).expect_err(text);
            assert!(error.starts_with(&format!("sinks {kind}: ")), "{text}: {error}");
            let untagged = text.contains("secret") || text.contains("headers");
            assert!(untagged || error.contains("unknown field"), "{text}: {error}");
        }
        assert_eq!(types, Vec::<&str>::new());
    }

    fn sinks(text: &str) -> Result<SinkSettings, String> {
        let table: toml::Table = text.parse().unwrap();
        let sink = read(vec![toml::Value::Table(table)])?.remove(0);
        check(&sink).map(|()| sink)
    }

    #[test]
    fn members_are_chosen_where_they_have_names() {
        for text in [
            "type = 'stdout'\nfields = ['process.command_args', 'vcs']",
            "type = 'stdout'\nfields = []",
            "type = 'stdout'\nformat = 'ocsf'\ndrop = ['process.cmd_line']",
            "type = 'file'\npath = '/x'\nformat = 'ecs'\nfields = ['process.args']",
            "type = 'file'\npath = '/x'\nformat = 'cloudevents'\ndrop = ['data.body', 'vcs']",
            "type = 'syslog'\naddress = 'udp://127.0.0.1:1'\nformat = 'json'\nfields = ['vcs']",
            "type = 'webhook'\nurl = 'http://127.0.0.1:1/'\nformat = 'otlp-json'\ndrop = ['process']",
            "type = 'otlp'\nendpoint = 'http://127.0.0.1:1'\ndrop = ['body', 'process.command_args']",
        ] {
            assert!(sinks(text).is_ok(), "{text}: {:?}", sinks(text));
        }
        for (text, wanted) in [
            (
                "type = 'journald'\nfields = ['body']",
                "fields: journald has fields of its own; leave fields out",
            ),
            (
                "type = 'stdout'\nformat = 'cef'\ndrop = ['body']",
                "drop: cef has fields of its own; leave drop out",
            ),
            (
                "type = 'syslog'\naddress = 'udp://127.0.0.1:1'\nformat = 'cef'\nfields = ['body']",
                "fields: cef has fields of its own",
            ),
            (
                "type = 'file'\npath = '/x'\nseal = true\nfields = ['vcs']",
                "fields: a sealed file has whole records; leave out fields or seal",
            ),
            ("type = 'stdout'\nfields = ['vcs']\ndrop = ['body']", "fields: cannot be combined with drop"),
            (
                "type = 'stdout'\ndrop = ['seq']",
                "drop: 'seq' is in every json record, and cannot be left out",
            ),
            (
                "type = 'stdout'\nfields = ['proces']",
                "fields: no json record has 'proces'; did you mean 'process'?",
            ),
            (
                "type = 'otlp'\nendpoint = 'http://127.0.0.1:1'\ndrop = ['event_name']",
                "drop: no otlp record has",
            ),
            ("type = 'stdout'\nfields = 'vcs'", "invalid type: string"),
        ] {
            let error = sinks(text).map(|_| ()).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn a_sink_keeps_its_thread_while_only_the_records_change() {
        let of = |more: &str| sinks(&format!("type = 'file'\npath = '/x'\n{more}")).unwrap();
        let plain = of("");
        for more in [
            "fields = ['vcs']",
            "drop = ['body']",
            "detail = 'full'",
            "modules = true",
            "format = 'ecs'\nfields = ['vcs']",
        ] {
            assert!(plain.same_worker(&of(more)) && of(more).same_worker(&plain), "{more}");
        }
        assert!(!plain.same_worker(&of("queue-bytes = '1M'\nfields = ['vcs']")));
    }
}
