//! The kernel side as the agent sees it: it loads the BPF programs, reads their events and counters, and puts
//! the rules in force that stop program starts.
//!
//! The crate knows the wire (`tracego-common`) and the shapes of events (`tracego-model`). It may not know
//! records' content, findings, policies or outputs: whoever decides about a process hands the decision in.
//! Modules use those above them in this list; nothing uses [`doctor`].

pub mod btf;
pub mod helpers;

pub mod error;
pub mod host_root;
pub mod precedence;
pub mod ring;

mod host_name;

pub mod host;

pub mod programs;
pub mod requirements;

pub mod handover;
pub mod load;

pub mod enforce;

pub mod doctor;
