//! Delivery: from a finished record to the receivers of records, spans and metrics.
//!
//! | module | content |
//! |---|---|
//! | [`mod@format`] | the bytes of a record: JSON, ECS, OCSF, CEF, CloudEvents, OTLP |
//! | [`seal`] | the chain of hashes that shows whether a file lost or changed a line, and its verification |
//! | [`http`] | the HTTP client with TLS that all receivers share |
//! | [`collector`] | the settings of an OTLP receiver, and the exporters of spans and metrics |
//! | [`sink`] | the outputs of a run, with their queues |
//! | [`traces`] | spans made of records |
//!
//! `sink` and `traces` use the other four; the arrows never go back.

pub mod collector;
pub mod detail;
pub mod format;
pub mod http;
pub mod seal;
pub mod sink;
pub mod traces;
