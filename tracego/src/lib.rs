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
//! enforce  rules → the kernel side, findings → ends (enforce)
//! policy   Record → what Rego says about it       (policy)
//! format   Record → an event as others name it    (format)
//! sink     a queue, a thread and a receiver each  (sink, spool)
//! traces   Record → spans of CI jobs              (traces, collector)
//! ```
//!
//! Beside it stand `golang`, which reads what an executable says about itself, and `inspect`, which
//! opens the executables of processes for it; and `seal`, which proves that a log is whole.
//!
//! `traces` makes a trace of each CI job beside them, and `collector` is who that and the metrics are sent to.
//!
//! `metrics` shows what all of them count, to Prometheus and to whoever asks whether the agent is well.
//!
//! Nothing on the right calls left. `ledger` proves at exit that nothing went missing between.

pub mod pipeline;

pub mod metrics;

pub mod agent;
pub mod cli;
pub mod cmd;
pub mod config;
pub mod policy;
