//! What is read about a process beside its kernel record: off the drain path, ahead of decode.

pub mod facts;
