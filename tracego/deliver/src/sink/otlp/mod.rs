//! OTLP sink: sends records to a receiver over gRPC, HTTP with protobuf, or HTTP with JSON.
//!
//! [`resolve`] merges the configuration with the environment. [`OtlpEncoder`] turns records into the payloads
//! that the queue holds. [`Otlp`] sends many payloads per request and reports the outcome of each record.
//! [`Client`] is the layer below: it sends messages of any signal and does not know records.
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

pub use answer::{Answer, answer};
pub use client::Client;
pub use endpoint::Endpoint;
pub use env::{Error, Resolved, resolve};
pub use payload::{OtlpEncoder, Payload, Written, readable};
pub use settings::{Compression, Protocol, Settings, Signal};
pub use transport::Otlp;
