//! What tracego knows about Go and production. No I/O: everything a rule looks at is in its subject.

pub mod finding;
