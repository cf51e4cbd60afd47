//! `finding_info` and `policy`: a finding as a detection, and as the control that it comes from.

use serde::{Serialize, Serializer};
use tracego_model::{
    finding::{Confidence, Finding},
    record::Record,
};

use crate::format::{object::object, omit_fields::OmitFields};

pub(super) fn confidence_id(finding: &Finding) -> u8 {
    match finding.confidence {
        Confidence::Medium => 2,
        Confidence::High => 3,
    }
}

/// `finding_info`: a finding as a detection.
pub(super) struct FindingInfo<'a>(pub(super) &'a Record, pub(super) &'a Finding);

impl Serialize for FindingInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, finding) = *self;
        object! { serializer;
            "uid": record.log.record.uid,
            "title": finding.message,
            "analytic": Analytic(finding),
        }
    }
}

/// `analytic`: the rule of a finding.
struct Analytic<'a>(&'a Finding);

impl Serialize for Analytic<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "uid": self.0.id,
            "name": self.0.name,
            "type_id": 1,
        }
    }
}

pub(super) struct FindingPolicy<'a>(pub(super) &'a Finding);

impl Serialize for FindingPolicy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding = self.0;
        object! { serializer;
            "uid": finding.id,
            "name": finding.name,
            "desc": finding.message,
            "type"? finding.variant,
            "is_applied": true,
            "data": OmitFields(finding, &["id", "name", "variant", "message"]),
        }
    }
}
