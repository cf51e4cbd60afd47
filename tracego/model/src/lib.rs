//! The shapes of tracego, at the bottom of everything.
//!
//! What the kernel side sends ([`event`], [`input`]), what is written ([`record`], [`finding`]), and what the stages
//! count and hand on ([`counters`], [`ledger`], [`enforcement`]). Pure: nothing here opens a file, starts a thread or
//! knows a stage; every other crate may know this one.

pub mod capture;
pub mod clock;
pub mod counters;
pub mod enforcement;
pub mod event;
pub mod finding;
pub mod input;
pub mod ledger;
pub mod linux;
pub mod meta;
pub mod policy;
pub mod pulse;
pub mod record;
pub mod text;
pub mod units;
