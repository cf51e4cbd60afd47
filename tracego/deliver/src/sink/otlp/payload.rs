//! Payload of one record, as the queue stores it.
//!
//! Layout: one byte for the encoding, the length of the resource (four bytes, little-endian), the resource,
//! the record. gRPC and HTTP with protobuf share an encoding. Payloads that were queued before the protocol
//! was changed are translated to the encoding that is sent.

use std::{borrow::Cow, io};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use opentelemetry_proto::tonic::{logs::v1::LogRecord, resource::v1::Resource};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracego_model::record::Record;

use crate::{
    collector::OtlpConfig,
    format::{
        otlp::{EncodedRecord, Encoding, LogEncoder, LogsRequest},
        selection::Selection,
    },
};

/// Length of the header in front of the resource, in bytes.
const HEAD: usize = 5;

/// Encoder from records to payloads.
#[derive(Clone, Debug)]
pub struct OtlpEncoder {
    encoder: LogEncoder,
    kind: u8,
    piece: EncodedRecord,
}

impl OtlpEncoder {
    /// Creates an encoder with the protocol and the resource of a sink.
    #[must_use]
    pub fn new(resolved: &OtlpConfig) -> Self {
        let encoding = resolved.protocol.encoding();
        let encoder = LogEncoder::new(encoding, resolved.resource.clone());
        Self { encoder, kind: kind(encoding), piece: EncodedRecord::default() }
    }

    /// Makes the encoder write the chosen attributes alone.
    #[must_use]
    pub fn choosing(self, selection: Option<Selection>) -> Self {
        Self { encoder: self.encoder.choosing(selection), ..self }
    }

    /// Appends the payload of a record to `out`. On an error, `out` is unchanged.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised, or if its resource exceeds 4 GiB.
    pub fn encode(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        self.encoder.encode(record, &mut self.piece)?;
        let Ok(len) = u32::try_from(self.piece.resource.len()) else {
            return Err(io::Error::other("the resource exceeds 4 GiB"));
        };
        out.reserve(HEAD + self.piece.resource.len() + self.piece.record.len());
        out.push(self.kind);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&self.piece.resource);
        out.extend_from_slice(&self.piece.record);
        Ok(())
    }
}

fn kind(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Protobuf => 1,
        Encoding::Json => 2,
    }
}

/// Resource and record, borrowed or translated to another encoding.
pub type EncodedParts<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Payload from a queue, split into its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OtlpPayload<'a> {
    /// Encoding of resource and record.
    pub encoding: Encoding,
    /// Encoded `Resource`.
    pub resource: &'a [u8],
    /// Encoded `LogRecord`.
    pub record: &'a [u8],
}

impl<'a> OtlpPayload<'a> {
    /// Splits a payload. The bytes come from a disk and may be damaged.
    ///
    /// # Errors
    /// Fails if the bytes are no payload. The error text says what is wrong with them.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let Some((&[kind, a, b, c, d], rest)) = bytes.split_first_chunk::<HEAD>() else {
            return Err("is too short for a record of this sink");
        };
        let encoding = match kind {
            1 => Encoding::Protobuf,
            2 => Encoding::Json,
            _ => return Err("is no record of this sink: unknown encoding"),
        };
        let len = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let split = rest.split_at_checked(len);
        let (resource, record) = split.ok_or("is cut: the resource is longer than the remaining bytes")?;
        Ok(Self { encoding, resource, record })
    }

    /// Returns resource and record in the given encoding.
    ///
    /// # Errors
    /// Fails if they do not match their own encoding; noticed only when a translation is needed.
    pub fn to(self, encoding: Encoding) -> Result<EncodedParts<'a>, String> {
        if self.encoding == encoding {
            return Ok((Cow::Borrowed(self.resource), Cow::Borrowed(self.record)));
        }
        let resource =
            translated::<Resource>(self.resource, encoding).map_err(|e| format!("resource: {e}"))?;
        let record = translated::<LogRecord>(self.record, encoding).map_err(|e| format!("record: {e}"))?;
        Ok((Cow::Owned(resource), Cow::Owned(record)))
    }
}

/// Translates a message to another encoding. Both decoders limit the depth of values.
fn translated<M: Message + Default + Serialize + DeserializeOwned>(
    bytes: &[u8],
    to: Encoding,
) -> Result<Vec<u8>, String> {
    match to {
        Encoding::Protobuf => {
            let message: M = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            Ok(message.encode_to_vec())
        }
        Encoding::Json => {
            let message = M::decode(bytes).map_err(|error| error.to_string())?;
            serde_json::to_vec(&message).map_err(|error| error.to_string())
        }
    }
}

/// Renders a payload for people, and for sending it again: a request in OTLP's JSON with the one record,
/// which any receiver takes. A payload that cannot be read is rendered in base64.
#[must_use]
pub fn readable(payload: &[u8]) -> Value {
    let read = || -> Result<Value, String> {
        let (resource, record) = OtlpPayload::parse(payload)?.to(Encoding::Json)?;
        let mut request = LogsRequest::new(Encoding::Json);
        request.push(&resource, &record);
        let mut text = Vec::new();
        request.finish(&mut text);
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    };
    read().unwrap_or_else(|why| json!({ "unreadable": why, "base64": STANDARD.encode(payload) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::{OtlpSettings, Signal, resolve};
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{clock::Reading, ledger::Ledger, meta::Meta};

    fn payload(protocol: &str) -> Vec<u8> {
        let settings: OtlpSettings = toml::from_str(&format!("protocol = \"{protocol}\"")).unwrap();
        let mut encoder = OtlpEncoder::new(&resolve(Signal::Logs, &settings, |_| None).unwrap());
        let mut out = b"before".to_vec();
        let record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        encoder.encode(&record, &mut out).unwrap();
        assert!(out.starts_with(b"before"));
        out.split_off(6)
    }

    #[test]
    fn grpc_and_http_share_what_waits() {
        let (grpc, http, json) = (payload("grpc"), payload("http/protobuf"), payload("http/json"));
        // The records differ only in their identifiers.
        assert_eq!((grpc[0], http[0], json[0], grpc.len()), (1, 1, 2, http.len()));
        let parsed = OtlpPayload::parse(&json).unwrap();
        assert!(parsed.resource.starts_with(b"{\"attributes\"") && parsed.record.ends_with(b"}"));
    }

    #[test]
    fn what_is_readable_is_a_request() {
        for protocol in ["grpc", "http/json"] {
            let value = readable(&payload(protocol));
            let record = &value["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
            assert_eq!(record["eventName"], "tracego.heartbeat", "{value:#}");
            assert!(record["timeUnixNano"].is_string());
        }
    }

    #[test]
    fn damage_is_named_wherever_it_cuts() {
        let whole = payload("grpc");
        for len in 0..HEAD {
            assert!(OtlpPayload::parse(&whole[..len]).unwrap_err().contains("too short"));
        }
        let resource = OtlpPayload::parse(&whole).unwrap().resource.len();
        assert!(OtlpPayload::parse(&whole[..HEAD + resource - 1]).unwrap_err().contains("is cut"));
        assert!(OtlpPayload::parse(&[7; 40]).unwrap_err().contains("encoding"));
        let mut odd = whole.clone();
        odd[HEAD..].fill(0xff);
        let parsed = OtlpPayload::parse(&odd).unwrap();
        assert!(parsed.to(Encoding::Json).unwrap_err().starts_with("resource: "));
        assert_eq!(readable(&odd)["base64"], STANDARD.encode(&odd));
        assert_eq!(readable(b"")["base64"], "");
    }
}
