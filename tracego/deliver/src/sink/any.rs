//! The mapping from the type of a sink to its two halves: the one place that knows all types.

use std::env;

use tracego_model::meta::Meta;

use super::{
    deliver::Delivered,
    direct,
    encode::Encoder,
    file::{Counts, File},
    journald::{Journald, JournaldEncoder},
    otlp::{self, Otlp, OtlpEncoder},
    settings::{Kind, SinkSettings},
    stdout::{Stdout, Stream},
    syslog::{Syslog, SyslogEncoder},
    transport::Deliver,
    webhook::Webhook,
};
use crate::format::Format;

/// Number of bytes that are delivered together, for types without a key for it.
const BATCH: usize = 512 << 10;

/// A transport of any type.
pub(super) enum AnyTransport {
    Stdout(Stdout),
    File(Box<File>),
    Syslog(Box<Syslog>),
    Journald(Journald),
    Otlp(Box<Otlp>),
    Webhook(Box<Webhook>),
}

fn format(settings: &SinkSettings) -> Format {
    settings.common.format.unwrap_or(Format::Json)
}

fn resolved(settings: &otlp::Settings) -> Result<otlp::Resolved, String> {
    let env = |name: &str| env::var(name).ok();
    otlp::resolve(otlp::Signal::Logs, settings, env).map_err(|error| error.to_string())
}

/// Opens the receiver as far as that is possible without records. `meta` describes the run, for records that
/// the sink itself writes.
///
/// # Errors
/// Fails if the settings are invalid or a file cannot be opened; the text names the key.
pub(super) fn open(settings: &SinkSettings, meta: &Meta) -> Result<AnyTransport, String> {
    Ok(match &settings.kind {
        Kind::Stdout(_) => {
            AnyTransport::Stdout(Stdout::new(Stream::Output).map_err(|error| error.to_string())?)
        }
        Kind::File(own) if own.seal => {
            let file = File::sealed(own, &settings.name, meta).map_err(|error| error.to_string())?;
            AnyTransport::File(Box::new(file))
        }
        Kind::File(own) => AnyTransport::File(Box::new(File::open(own).map_err(|error| error.to_string())?)),
        Kind::Syslog(own) => AnyTransport::Syslog(Box::new(Syslog::new(own)?)),
        Kind::Journald(own) => AnyTransport::Journald(Journald::new(own)?),
        Kind::Otlp(own) => {
            let transport = Otlp::new(&resolved(own)?).map_err(|error| error.to_string())?;
            AnyTransport::Otlp(Box::new(transport))
        }
        Kind::Webhook(own) => AnyTransport::Webhook(Box::new(Webhook::new(own, format(settings))?)),
    })
}

/// Checks the settings without opening a file that another sink may have open.
///
/// # Errors
/// Fails as [`open`] does.
pub(super) fn check(settings: &SinkSettings) -> Result<(), String> {
    if settings.common.format.is_some() && matches!(settings.kind, Kind::Otlp(_) | Kind::Journald(_)) {
        return Err(format!("format: {} has a form of its own", settings.kind.name()));
    }
    if settings.common.give_up_after.is_some() && !matches!(settings.kind, Kind::Otlp(_) | Kind::Webhook(_)) {
        return Err(format!("give-up-after: {} gets no answers to go by", settings.kind.name()));
    }
    match &settings.kind {
        Kind::File(own) if own.seal && format(settings) != Format::Json => {
            Err("seal: only format = \"json\" can be sealed".to_owned())
        }
        Kind::File(own) => own.check(),
        Kind::Stdout(_) | Kind::Syslog(_) | Kind::Journald(_) | Kind::Otlp(_) | Kind::Webhook(_) => {
            open(settings, &Meta::default()).map(|_| ())
        }
    }
}

/// Returns the encoder that turns records into the payloads of a sink.
///
/// # Errors
/// Fails as [`open`] does.
pub(super) fn encoder(settings: &SinkSettings) -> Result<Encoder, String> {
    Ok(match &settings.kind {
        Kind::Stdout(_) | Kind::File(_) | Kind::Webhook(_) => {
            Encoder::Line(direct::Format::Line(format(settings)))
        }
        Kind::Syslog(own) => Encoder::Syslog(SyslogEncoder::new(own, format(settings))),
        Kind::Journald(_) => Encoder::Journald(JournaldEncoder::default()),
        Kind::Otlp(own) => Encoder::Otlp(OtlpEncoder::new(&resolved(own)?)),
    })
}

/// Returns the approximate number of queue bytes that are delivered together.
pub(super) fn batch_bytes(kind: &Kind) -> usize {
    match kind {
        Kind::Otlp(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        Kind::Webhook(own) => usize::try_from(own.batch_bytes.0).unwrap_or(BATCH),
        Kind::Stdout(_) | Kind::File(_) | Kind::Syslog(_) | Kind::Journald(_) => BATCH,
    }
}

impl Deliver for AnyTransport {
    async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        match self {
            Self::Stdout(stdout) => stdout.deliver(batch).await,
            Self::File(file) => file.deliver(batch).await,
            Self::Syslog(syslog) => syslog.deliver(batch).await,
            Self::Journald(journald) => journald.deliver(batch).await,
            Self::Otlp(otlp) => otlp.deliver(batch).await,
            Self::Webhook(webhook) => webhook.deliver(batch).await,
        }
    }

    async fn isolate(&mut self, batch: &[&[u8]]) -> Delivered {
        match self {
            Self::Otlp(otlp) => otlp.isolate(batch).await,
            Self::Webhook(webhook) => webhook.isolate(batch).await,
            Self::Stdout(_) | Self::File(_) | Self::Syslog(_) | Self::Journald(_) => {
                self.deliver(batch).await
            }
        }
    }

    fn reopen(&mut self) {
        match self {
            Self::File(file) => file.reopen(),
            Self::Otlp(otlp) => otlp.reopen(),
            Self::Stdout(_) | Self::Syslog(_) | Self::Journald(_) | Self::Webhook(_) => {}
        }
    }

    async fn close(&mut self) {
        match self {
            Self::File(file) => file.close().await,
            Self::Syslog(syslog) => syslog.close().await,
            Self::Journald(journald) => journald.close().await,
            Self::Otlp(otlp) => otlp.close().await,
            Self::Webhook(webhook) => webhook.close().await,
            Self::Stdout(_) => {}
        }
    }

    fn files(&self) -> Option<Counts> {
        match self {
            Self::File(file) => Some(file.counts()),
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
