//! From the type of a sink to its two halves: the one place that knows all of them.

use super::{
    deliver::Delivered,
    direct,
    encode::Encoder,
    settings::{Kind, SinkSettings},
    stdout::Stdout,
    transport::Deliver,
};
use crate::format::Format;

/// The transport of any type.
pub(super) enum AnyTransport {
    Stdout(Stdout),
}

/// Opens the receiver, as far as that can be done before there are records.
///
/// # Errors
/// Settings that cannot be; the text names the key.
pub(super) fn open(kind: &Kind) -> Result<AnyTransport, String> {
    Ok(match kind {
        Kind::Stdout(_) => AnyTransport::Stdout(Stdout::default()),
    })
}

/// Whether the settings can be, without opening what another sink has open.
///
/// # Errors
/// As [`open`].
pub(super) fn check(kind: &Kind) -> Result<(), String> {
    match kind {
        Kind::Stdout(_) => Ok(()),
    }
}

/// What turns records into the payloads of a sink.
///
/// # Errors
/// A format that the type cannot have.
pub(super) fn encoder(settings: &SinkSettings) -> Result<Encoder, String> {
    let format = settings.common.format.unwrap_or(Format::Json);
    Ok(match &settings.kind {
        Kind::Stdout(_) => Encoder::Line(direct::Format::Line(format)),
    })
}

impl Deliver for AnyTransport {
    async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        match self {
            Self::Stdout(stdout) => stdout.deliver(batch).await,
        }
    }

    fn reopen(&mut self) {
        match self {
            Self::Stdout(_) => {}
        }
    }

    async fn close(&mut self) {
        match self {
            Self::Stdout(_) => {}
        }
    }

    fn readable(&self, payload: &[u8]) -> serde_json::Value {
        match self {
            Self::Stdout(_) => readable_text(payload),
        }
    }
}

fn readable_text(payload: &[u8]) -> serde_json::Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into())
}
