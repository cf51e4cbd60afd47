//! Events become records, and records get their findings.
//!
//! [`inspect`] reads what files and /proc say beside the events; [`enrich`] joins an event with that and with the
//! table of processes; [`rules`] decide what is wrong, and [`rules_stage`] puts their findings onto the record.
//! [`named_services`] holds the services of the configuration, [`redact`] takes secrets out, and [`summary`] counts
//! findings for a person.
//!
//! Only [`inspect`] does input. The crate does not know where events come from, who receives records, or what is
//! done about a finding. The modules depend on each other in one direction: `rules_stage` on `enrich` and `rules`,
//! these and `inspect` on `named_services` and `redact`. `shared_parts` serves `enrich` and `redaction_stage`.

pub mod enrich;
pub mod inspect;
pub mod named_services;
pub mod redact;
pub mod redaction_stage;
pub mod rules;
pub mod rules_stage;
mod shared_parts;
pub mod summary;
