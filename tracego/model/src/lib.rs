//! TODO

pub mod capture;
pub mod clock;
pub mod event;
pub mod finding;
pub mod input;
pub mod ledger;
pub mod pulse;
pub mod record;
pub mod text;
pub mod units;
