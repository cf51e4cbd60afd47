//! TODO

pub mod enrich;
pub mod inspect;
pub mod judge;
pub mod redact;
pub mod rules;
pub mod summary;
