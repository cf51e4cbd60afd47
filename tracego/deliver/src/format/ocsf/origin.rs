//! `metadata` and `device`: the identity of a record, and the tracego and machine that made it.

use serde::{Serialize, Serializer};
use tracego_model::record::Record;

use super::{VERSION, control::outcome, integer};
use crate::format::{Millis, object::object};

pub(super) struct Metadata<'a>(pub(super) &'a Record);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let profiles = [
            Some("host"),
            Some("datetime"),
            record.process.as_ref().map(|_| "linux/linux_users"),
            record.process.as_ref().map(|_| "container"),
            outcome(record).map(|_| "security_control"),
        ];
        let profiles: Vec<&str> = profiles.into_iter().flatten().collect();
        object! { serializer;
            "version": VERSION,
            "product": Product(record),
            "profiles": profiles,
            "uid": record.log.record.uid,
            "sequence"? integer(record.seq),
            "event_code": record.event_name,
            "correlation_uid"? record.trace.as_ref().map(|trace| &trace.trace_id),
            "logged_time": Millis(record.observed_timestamp),
            "logged_time_dt": record.observed_timestamp,
            "is_truncated"? (!record.tracego.completeness.truncated.is_empty()).then_some(true),
        }
    }
}

struct Product<'a>(&'a Record);

impl Serialize for Product<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = &self.0.origin.service;
        object! { serializer;
            "name": service.name,
            "vendor_name": service.name,
            "version": service.version,
        }
    }
}

pub(super) struct Device<'a>(pub(super) &'a Record);

impl Serialize for Device<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let host = &self.0.origin.host;
        object! { serializer;
            "type_id": 0,
            "hostname": host.name,
            "uid"? (!host.id.is_empty()).then_some(&host.id),
            "boot_uid": self.0.tracego.boot_id,
            "os": Linux,
            "agent_list": [Agent(self.0)],
        }
    }
}

/// `os`: Linux, the only one that tracego runs on.
struct Linux;

impl Serialize for Linux {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer; "name": "Linux", "type_id": 200, }
    }
}

struct Agent<'a>(&'a Record);

impl Serialize for Agent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = &self.0.origin.service;
        object! { serializer;
            "name": service.name,
            "uid": service.instance.id,
            "version": service.version,
            "type_id": 99,
            "type": "Audit",
        }
    }
}
