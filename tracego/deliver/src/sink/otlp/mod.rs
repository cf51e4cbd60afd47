//! OTLP sink: sends records to a receiver over gRPC, HTTP with protobuf, or HTTP with JSON.
//!
//! [`resolve`] merges the configuration with the environment. [`OtlpEncoder`] turns records into the payloads
//! that the queue holds. [`OtlpTransport`] sends many payloads per request and reports the outcome of each record.
//! [`OtlpClient`] is the layer below: it sends messages of any signal and does not know records.
//!
//! The exporters of the OpenTelemetry SDK are not used: they do not report what a receiver refused or when it
//! wants a retry, and give up on a batch after a single 500.

mod answer;
mod client;
mod compress;
mod endpoint;
mod env;
mod grpc;
mod http;
mod payload;
mod settings;
mod transport;

pub use answer::{RequestOutcome, answer};
pub use client::OtlpClient;
pub use endpoint::Endpoint;
pub use env::{OtlpConfig, OtlpConfigError, resolve};
pub use payload::{EncodedParts, OtlpEncoder, OtlpPayload, readable};
pub use settings::{OtlpCompression, OtlpProtocol, OtlpSettings, Signal};
pub use transport::OtlpTransport;
