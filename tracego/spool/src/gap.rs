//! Gaps: sequence numbers whose records are missing, and the reason.

use serde::Serialize;

/// The reason why records are missing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The spool was full, and the oldest were dropped ([`OnFull::DropOldest`](super::OnFull)).
    DropOldest,
    /// The spool was full, and new records were refused ([`OnFull::DropNewest`](super::OnFull)).
    DropNewest,
    /// The records were older than [`QueueLimits::max_age`](super::QueueLimits).
    Age,
    /// The bytes on the disk are not what was written.
    Damage,
    /// A file, or its end, is missing.
    Missing,
    /// The record was longer than allowed.
    TooLarge,
    /// The disk failed for so long that the memory for waiting records was full.
    Disk,
}

impl GapReason {
    /// All reasons, in the order of their numbers in files.
    pub const ALL: [Self; 7] = [
        Self::DropOldest,
        Self::DropNewest,
        Self::Age,
        Self::Damage,
        Self::Missing,
        Self::TooLarge,
        Self::Disk,
    ];

    /// Returns the number in files.
    #[must_use]
    pub fn to_raw(self) -> u32 {
        self as u32 + 1
    }

    /// Returns the reason for a number in files.
    #[must_use]
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(raw).ok()?.checked_sub(1)?).copied()
    }

    /// Returns the name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DropOldest => "drop-oldest",
            Self::DropNewest => "drop-newest",
            Self::Age => "age",
            Self::Damage => "damage",
            Self::Missing => "missing",
            Self::TooLarge => "too-large",
            Self::Disk => "disk",
        }
    }
}

/// A run of sequence numbers whose records are missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// First missing sequence number.
    pub first: u64,
    /// Last missing sequence number.
    pub last: u64,
    /// Reason.
    pub reason: GapReason,
    /// Bytes of the missing records; 0 for [`GapReason::Damage`] and [`GapReason::Missing`], whose records
    /// cannot be read.
    pub bytes: u64,
}

impl Gap {
    /// Returns the number of missing records: each sequence number stands for one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

impl Serialize for Gap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut gap = serializer.serialize_struct("Gap", 5)?;
        gap.serialize_field("first", &self.first)?;
        gap.serialize_field("last", &self.last)?;
        gap.serialize_field("count", &self.count())?;
        gap.serialize_field("reason", &self.reason)?;
        gap.serialize_field("bytes", &self.bytes)?;
        gap.end()
    }
}

/// Adds a gap after the others. A gap that continues the last one for the same reason is merged with it.
pub(crate) fn push(gaps: &mut Vec<Gap>, gap: Gap) {
    match gaps.last_mut() {
        Some(last) if last.reason == gap.reason && last.last.checked_add(1) == Some(gap.first) => {
            last.last = gap.last;
            last.bytes = last.bytes.saturating_add(gap.bytes);
        }
        _ => gaps.push(gap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_keep_their_numbers_and_their_names() {
        for (reason, raw) in GapReason::ALL.into_iter().zip(1..) {
            assert_eq!((reason.to_raw(), GapReason::from_raw(raw)), (raw, Some(reason)));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        assert_eq!([0, 8, u32::MAX].map(GapReason::from_raw), [None; 3]);
    }
}
