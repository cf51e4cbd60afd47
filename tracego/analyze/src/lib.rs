//! Events become records, and records get their findings.
//!
//! [`inspect`] reads what files and /proc say beside the stream; [`enrich`] joins an event with that and with the table
//! of processes; [`rules`] decide what is wrong, and [`rules_stage`] puts it onto the record; [`redact`] takes secrets out.
//! Nothing here knows how an event was got, who is told, or what is done about it.

pub mod enrich;
pub mod inspect;
pub mod redact;
pub mod rules;
pub mod rules_stage;
pub mod scope;
pub mod summary;
