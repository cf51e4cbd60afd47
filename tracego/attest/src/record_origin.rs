//! The host and the run that records are from.

use std::borrow::Cow;

use serde::Deserialize;
use tracego_report::wire::{self, NativeRecord};

/// Maximum length of an id that is kept, in bytes.
const ID_MAX: usize = 256;

/// The host and the run that records are from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecordOrigin {
    /// Id of the host, `host.id`.
    pub host: String,
    /// Id of the run, `service.instance.id`.
    pub run: String,
    /// Version of the tracego that recorded.
    pub version: String,
}

#[derive(Deserialize)]
struct OriginRecord<'a> {
    #[serde(borrow, default)]
    schema: Cow<'a, str>,
    #[serde(borrow, default)]
    event_name: Cow<'a, str>,
    #[serde(borrow)]
    host: Option<OriginHost<'a>>,
    #[serde(borrow)]
    service: Option<OriginService<'a>>,
}

#[derive(Deserialize)]
struct OriginHost<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct OriginService<'a> {
    #[serde(borrow, default)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    instance: Option<OriginHost<'a>>,
}

impl<'a> NativeRecord<'a> for OriginRecord<'a> {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn event_name(&self) -> &str {
        &self.event_name
    }
}

impl RecordOrigin {
    /// Whether everything is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.host.is_empty() && !self.run.is_empty()
    }

    /// Takes a line of records. The first record that says something counts.
    pub fn take(&mut self, line: &[u8]) {
        let Ok(record) = wire::parse::<OriginRecord<'_>>(line) else { return };
        let set = |to: &mut String, from: &str| {
            if to.is_empty() && from.len() <= ID_MAX {
                from.clone_into(to);
            }
        };
        if let Some(host) = &record.host {
            set(&mut self.host, &host.id);
        }
        if let Some(service) = &record.service {
            set(&mut self.version, &service.version);
            set(&mut self.run, service.instance.as_ref().map_or("", |instance| &instance.id));
        }
    }
}
