//! OTLP sink: sends records to a receiver over gRPC, HTTP with protobuf, or HTTP with JSON.
//!
//! [`OtlpEncoder`] turns records into the payloads that the queue holds. [`OtlpTransport`] sends many
//! payloads per request and reports the outcome of each record. [`OtlpClient`] is the layer below: it sends
//! messages of any signal and does not know records. The settings are those of every OTLP receiver:
//! [`crate::collector`].
//!
//! The exporters of the OpenTelemetry SDK are not used: they do not report what a receiver refused or when it
//! wants a retry, and give up on a batch after a single 500.

mod client;
mod compression;
mod grpc;
mod http;
mod payload;
mod response;
mod transport;

pub use client::OtlpClient;
pub use payload::{EncodedParts, OtlpEncoder, OtlpPayload, readable};
pub use response::{RequestOutcome, answer};
pub use transport::OtlpTransport;
