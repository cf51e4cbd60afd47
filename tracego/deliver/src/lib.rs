//! TODO

pub mod collector;
pub mod format;
pub mod http;
pub mod seal;
pub mod sink;
pub mod traces;
