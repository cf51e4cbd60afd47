//! Records to an OTLP receiver: gRPC, HTTP with protobuf, HTTP with JSON.
//!
//! [`resolve`] puts the configuration and the environment together. [`OtlpEncoder`] makes the payloads
//! of the queue; [`Otlp`] sends them, many in a request, and says of each what became of it. [`Client`]
//! below it knows nothing of records: it sends messages of any signal.
//!
//! The exporters of the OpenTelemetry SDK are not used: they do not tell what a receiver refused and when
//! it wants to be asked again, and give up on a batch for one 500.

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
