//! The shapes that the stages of tracego hand on, at the bottom of everything.
//!
//! Events of the kernel side ([`event`], [`input`]), records as they are written ([`record`], [`finding`]), counters
//! ([`counters`], [`ledger`]), and the state of enforcement that records show ([`enforcement`]). [`capture`] stores
//! input in a file; [`host`] is the identity of a machine; [`walk`] visits the values in a record. [`matcher`] is the language by which the configuration
//! chooses processes, [`process_key`] finds what is known about one, and [`job_variables`] says which variables make a CI job.
//!
//! The crate opens no file, starts no thread and reads no clock that it is not handed; it knows no stage and no sink.
//! Of the other crates it knows only `tracego-golang` and the wire types of `tracego-common`.

pub mod capture;
pub mod clock;
pub mod counters;
pub mod enforcement;
pub mod event;
pub mod finding;
pub mod host;
pub mod input;
pub mod job_variables;
pub mod ledger;
pub mod linux;
pub mod matcher;
pub mod meta;
pub mod policy;
pub mod process_key;
pub mod provenance;
pub mod pulse;
pub mod record;
pub mod text;
pub mod units;
pub mod walk;
pub mod xml;
