//! The mapping from the type of a sink to its two halves: the one place that knows all types.

use std::{borrow::Cow, env, time::Duration};

use tracego_model::meta::Meta;

use super::{SinkKind, SinkSettings, encoder::SinkEncoder, queued_form::QueuedForm};
use crate::{
    collector::{OtlpConfig, OtlpSettings, Signal, resolve},
    detail::{Detail, book::ReferenceBook, memory::SharedMemory},
    format::{
        Format,
        selection::{FieldChoice, RecordForm, Selection},
    },
    sink::{
        delivery::{DeliveryResult, transport::Transport},
        elasticsearch::BulkDialect,
        file::FileTransport,
        journald::{JournaldEncoder, JournaldTransport},
        kafka::KafkaTransport,
        otlp::{self, OtlpEncoder, OtlpTransport},
        queue::pace::PaceSettings,
        status::FileCounts,
        stdout::{StandardStream, StdoutTransport},
        syslog::{SyslogEncoder, SyslogTransport},
        webhook::{ReceiverDialect, WebhookTransport},
    },
};

/// Number of bytes that are delivered together, for types without a key for it.
const BATCH: usize = 512 << 10;

/// Default pace of sinks that make requests. One second is the default of OpenTelemetry for batches of logs.
const REQUEST_PACE: PaceSettings = PaceSettings {
    batch_wait: Duration::from_secs(1),
    batch_min_bytes: 256 << 10,
    catch_up_bytes: Some(8 << 20),
};

/// Default pace of inserts into ClickHouse, to which each is a part on the disk that it has to merge: at 25
/// starts a second at most one in five seconds, because the jitter takes up to half of the time.
const INSERT_PACE: PaceSettings = PaceSettings {
    batch_wait: Duration::from_secs(10),
    batch_min_bytes: 2 << 20,
    catch_up_bytes: Some(8 << 20),
};

/// A transport of any type.
pub(crate) enum AnyTransport {
    Stdout(StdoutTransport),
    File(Box<FileTransport>),
    Syslog(Box<SyslogTransport>),
    Journald(JournaldTransport),
    Otlp(Box<OtlpTransport>),
    Webhook(Box<WebhookTransport>),
    Kafka(Box<KafkaTransport>),
}

fn format(settings: &SinkSettings) -> Format {
    let default = match settings.kind {
        // A data stream needs the time under the name that ECS has for it.
        SinkKind::Elasticsearch(_) => Format::Ecs,
        _ => Format::Json,
    };
    settings.common.format.unwrap_or(default)
}

fn resolved(settings: &OtlpSettings) -> Result<OtlpConfig, String> {
    let env = |name: &str| env::var(name).ok();
    resolve(Signal::Logs, settings, env).map_err(|error| error.to_string())
}

/// Opens the receiver as far as that is possible without records. `meta` describes the run, for records that
/// the sink itself writes.
///
/// # Errors
/// Fails if the settings are invalid or a file cannot be opened; the text names the key.
pub(crate) fn open(settings: &SinkSettings, meta: &Meta) -> Result<AnyTransport, String> {
    Ok(match &settings.kind {
        SinkKind::Stdout(_) => AnyTransport::Stdout(
            StdoutTransport::new(StandardStream::Output).map_err(|error| error.to_string())?,
        ),
        SinkKind::File(own) if own.seal => {
            let file = FileTransport::sealed(own, &settings.name, meta).map_err(|error| error.to_string())?;
            AnyTransport::File(Box::new(file))
        }
        SinkKind::File(own) => {
            AnyTransport::File(Box::new(FileTransport::open(own).map_err(|error| error.to_string())?))
        }
        SinkKind::Syslog(own) => AnyTransport::Syslog(Box::new(SyslogTransport::new(own)?)),
        SinkKind::Journald(own) => AnyTransport::Journald(JournaldTransport::new(own)?),
        SinkKind::Otlp(own) => {
            let transport = OtlpTransport::new(&resolved(own)?).map_err(|error| error.to_string())?;
            AnyTransport::Otlp(Box::new(transport))
        }
        SinkKind::Webhook(own) => {
            AnyTransport::Webhook(Box::new(WebhookTransport::new(own, format(settings))?))
        }
        SinkKind::Clickhouse(own) => {
            let transport = WebhookTransport::speaking(&own.webhook()?, ReceiverDialect::Clickhouse)?;
            AnyTransport::Webhook(Box::new(transport))
        }
        SinkKind::Elasticsearch(own) => {
            let format = format(settings);
            let dialect = ReceiverDialect::Bulk(Box::new(BulkDialect::new(format, own)));
            AnyTransport::Webhook(Box::new(WebhookTransport::speaking(&own.webhook(format)?, dialect)?))
        }
        SinkKind::Kafka(own) => {
            AnyTransport::Kafka(Box::new(KafkaTransport::new(own, &meta.origin.host.id)?))
        }
    })
}

/// Checks the settings without opening a file that another sink may have open.
///
/// # Errors
/// Fails as [`open`] does.
pub(crate) fn check(settings: &SinkSettings) -> Result<(), String> {
    let has_format =
        !matches!(settings.kind, SinkKind::Otlp(_) | SinkKind::Journald(_) | SinkKind::Clickhouse(_));
    if settings.common.format.is_some() && !has_format {
        return Err(format!("format: {} has a fixed format", settings.kind.name()));
    }
    if settings.common.detail == Some(Detail::Lean) && detail(settings) == Detail::Full {
        return Err(format!("detail: records of {} are always full", settings.kind.name()));
    }
    if settings.common.modules == Some(true) && !can_refer(settings) {
        return Err(format!(
            "modules: records of {} tell no modules; write modules = false",
            settings.kind.name()
        ));
    }
    if settings.common.give_up_after.is_some() && !makes_requests(&settings.kind) {
        return Err(format!(
            "give-up-after: {} gets no answers from its receiver, which this key needs",
            settings.kind.name()
        ));
    }
    if settings.common.catch_up_bytes.is_some_and(|bytes| bytes.0 == 0) {
        return Err("catch-up-bytes: with 0, nothing would be delivered; write 8M".to_owned());
    }
    match &settings.kind {
        SinkKind::File(own) if own.seal && format(settings) != Format::Json => {
            Err("seal: only format = \"json\" can be sealed".to_owned())
        }
        SinkKind::File(own) => own.check(),
        SinkKind::Stdout(_)
        | SinkKind::Syslog(_)
        | SinkKind::Journald(_)
        | SinkKind::Otlp(_)
        | SinkKind::Webhook(_)
        | SinkKind::Clickhouse(_)
        | SinkKind::Elasticsearch(_)
        | SinkKind::Kafka(_) => open(settings, &Meta::default()).map(|_| ()),
    }
}

/// Returns the encoder that turns records into the payloads of a sink.
///
/// # Errors
/// Fails as [`open`] does.
pub(crate) fn encoder(settings: &SinkSettings) -> Result<SinkEncoder, String> {
    let selection = selection(settings)?;
    Ok(match &settings.kind {
        SinkKind::Stdout(_)
        | SinkKind::File(_)
        | SinkKind::Webhook(_)
        | SinkKind::Clickhouse(_)
        | SinkKind::Elasticsearch(_)
        | SinkKind::Kafka(_) => match selection {
            Some(selection) => SinkEncoder::ChosenLine(format(settings), selection),
            None => SinkEncoder::Line(format(settings)),
        },
        SinkKind::Syslog(own) => {
            SinkEncoder::Syslog(SyslogEncoder::new(own, format(settings)).choosing(selection))
        }
        SinkKind::Journald(_) => SinkEncoder::Journald(JournaldEncoder::default()),
        SinkKind::Otlp(own) => SinkEncoder::Otlp(OtlpEncoder::new(&resolved(own)?).choosing(selection)),
    })
}

/// Returns the choice of the members that are written, if there is one.
///
/// # Errors
/// Fails if the sink writes no members that have names, or must write all of them; the text names the key.
fn selection(settings: &SinkSettings) -> Result<Option<Selection>, String> {
    let common = &settings.common;
    let choice = FieldChoice::of(common.fields.as_deref(), common.drop.as_deref())?;
    let Some(choice) = choice else { return Ok(None) };
    let key = choice.key();
    let form = match &settings.kind {
        SinkKind::Journald(_) => {
            return Err(format!(
                "{key}: journald has fields of its own; leave {key} out, or use a sink of another type"
            ));
        }
        SinkKind::File(own) if own.seal => {
            return Err(format!("{key}: a sealed file has whole records; leave out {key} or seal"));
        }
        SinkKind::Otlp(_) => Some(RecordForm::Otlp),
        SinkKind::Stdout(_)
        | SinkKind::File(_)
        | SinkKind::Webhook(_)
        | SinkKind::Clickhouse(_)
        | SinkKind::Elasticsearch(_)
        | SinkKind::Kafka(_)
        | SinkKind::Syslog(_) => RecordForm::of(format(settings)),
    };
    let form = form.ok_or_else(|| {
        format!(
            "{key}: {} has fields of its own; leave {key} out, or use format = \"json\"",
            format(settings).name()
        )
    })?;
    Selection::new(choice, form).map(Some)
}

/// Returns whether a sink can get records that others refer to. The journal shows fields of full records.
fn can_refer(settings: &SinkSettings) -> bool {
    match &settings.kind {
        SinkKind::Journald(_) => false,
        SinkKind::Otlp(_) => true,
        SinkKind::Stdout(_)
        | SinkKind::File(_)
        | SinkKind::Webhook(_)
        | SinkKind::Clickhouse(_)
        | SinkKind::Elasticsearch(_)
        | SinkKind::Kafka(_)
        | SinkKind::Syslog(_) => format(settings).can_be_lean(),
    }
}

/// Returns the detail of the records that a sink gets.
pub(crate) fn detail(settings: &SinkSettings) -> Detail {
    if can_refer(settings) { settings.common.detail.unwrap_or_default() } else { Detail::Full }
}

/// Returns the book of the references that a sink was given, if it gets any.
pub(crate) fn book(settings: &SinkSettings) -> Option<ReferenceBook> {
    ReferenceBook::new(detail(settings), settings.common.modules == Some(true) && can_refer(settings))
}

/// Returns the approximate number of queue bytes that are delivered together.
pub(crate) fn batch_bytes(kind: &SinkKind) -> usize {
    match kind {
        SinkKind::Otlp(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        SinkKind::Webhook(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        SinkKind::Clickhouse(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        SinkKind::Elasticsearch(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        SinkKind::Kafka(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        SinkKind::Stdout(_) | SinkKind::File(_) | SinkKind::Syslog(_) | SinkKind::Journald(_) => BATCH,
    }
}

/// Returns whether each batch is a request to the receiver.
pub(crate) fn makes_requests(kind: &SinkKind) -> bool {
    matches!(
        kind,
        SinkKind::Otlp(_)
            | SinkKind::Webhook(_)
            | SinkKind::Clickhouse(_)
            | SinkKind::Elasticsearch(_)
            | SinkKind::Kafka(_)
    )
}

/// Returns the pace of deliveries, with the defaults of the type.
pub(crate) fn pace(settings: &SinkSettings) -> PaceSettings {
    let default = match &settings.kind {
        SinkKind::Clickhouse(_) => INSERT_PACE,
        kind if makes_requests(kind) => REQUEST_PACE,
        _ => PaceSettings { batch_min_bytes: REQUEST_PACE.batch_min_bytes, ..PaceSettings::default() },
    };
    settings.common.pace(default)
}

impl AnyTransport {
    /// Returns the form in which the type queues its payloads.
    fn form(&self) -> QueuedForm {
        match self {
            Self::Stdout(_) | Self::File(_) | Self::Webhook(_) | Self::Kafka(_) => QueuedForm::Line,
            Self::Syslog(_) => QueuedForm::Syslog,
            Self::Journald(_) => QueuedForm::Journald,
            Self::Otlp(_) => QueuedForm::Otlp,
        }
    }
}

impl Transport for AnyTransport {
    async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        let form = self.form();
        let adapted: Vec<Cow<'_, [u8]>> = batch.iter().map(|payload| form.adapt(payload)).collect();
        let batch: Vec<&[u8]> = adapted.iter().map(|payload| &**payload).collect();
        match self {
            Self::Stdout(stdout) => stdout.deliver(&batch).await,
            Self::File(file) => file.deliver(&batch).await,
            Self::Syslog(syslog) => syslog.deliver(&batch).await,
            Self::Journald(journald) => journald.deliver(&batch).await,
            Self::Otlp(otlp) => otlp.deliver(&batch).await,
            Self::Webhook(webhook) => webhook.deliver(&batch).await,
            Self::Kafka(kafka) => kafka.deliver(&batch).await,
        }
    }

    async fn isolate(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        let form = self.form();
        let adapted: Vec<Cow<'_, [u8]>> = batch.iter().map(|payload| form.adapt(payload)).collect();
        let batch: Vec<&[u8]> = adapted.iter().map(|payload| &**payload).collect();
        match self {
            Self::Otlp(otlp) => otlp.isolate(&batch).await,
            Self::Webhook(webhook) => webhook.isolate(&batch).await,
            Self::Kafka(kafka) => kafka.isolate(&batch).await,
            Self::Stdout(_) | Self::File(_) | Self::Syslog(_) | Self::Journald(_) => {
                self.deliver(&batch).await
            }
        }
    }

    fn remember(&mut self, memory: &SharedMemory) -> bool {
        match self {
            Self::File(file) => {
                file.remember(memory);
                true
            }
            _ => false,
        }
    }

    fn reopen(&mut self) {
        match self {
            Self::File(file) => file.reopen(),
            Self::Otlp(otlp) => otlp.reopen(),
            Self::Stdout(_) | Self::Syslog(_) | Self::Journald(_) | Self::Webhook(_) | Self::Kafka(_) => {}
        }
    }

    async fn close(&mut self) {
        match self {
            Self::File(file) => file.close().await,
            Self::Syslog(syslog) => syslog.close().await,
            Self::Journald(journald) => journald.close().await,
            Self::Otlp(otlp) => otlp.close().await,
            Self::Webhook(webhook) => webhook.close().await,
            Self::Kafka(kafka) => kafka.close(),
            Self::Stdout(_) => {}
        }
    }

    fn files(&self) -> Option<FileCounts> {
        match self {
            Self::File(file) => Some(file.counts()),
            _ => None,
        }
    }

    fn note(&self) -> Option<String> {
        match self {
            Self::Otlp(otlp) => otlp.note(),
            _ => None,
        }
    }

    fn readable(&self, payload: &[u8]) -> serde_json::Value {
        match self {
            Self::Otlp(_) => otlp::readable(payload),
            _ => serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into()),
        }
    }
}
