//! tracego: which commit and which CI job every process start belongs to.
//!
//! The way of the data, and of the modules:
//!
//! ```text
//! kernel   the programs and their counters        (tracego-ebpf, kernel)
//! reader   drains the ring on its own thread      (reader)
//! inspect  what files and /proc say, beside it    (inspect, golang)
//! decode   bytes → Event; pure, never panics      (decode, event)
//! enrich   Event + process table → Record         (enrich)
//! rules    Record → findings                      (rules, judge)
//! sink     Record → one JSON line                 (sink)
//! ```
//!
//! Beside it stand `golang`, which reads what an executable says about itself, and `inspect`, which
//! opens the executables of processes for it; and `seal`, which proves that a log is whole.
//!
//! Nothing on the right calls left. `ledger` proves at exit that nothing went missing between.

pub mod kernel;

pub mod input;
pub mod reader;

pub mod golang;
pub mod inspect;

pub mod assemble;
pub mod clock;
pub mod decode;
pub mod errno;
pub mod event;

pub mod enrich;

pub mod judge;
pub mod rules;
pub mod summary;

pub mod pipeline;
pub mod seal;
pub mod sink;

pub mod capture;
pub mod ledger;

pub mod agent;
pub mod cli;
pub mod cmd;
pub mod config;
pub mod host;
