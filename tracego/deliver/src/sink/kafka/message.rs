//! A record as a message of Kafka: its key, its headers and its time.

use std::time::SystemTime;

use serde::Deserialize;
use time::{Date, Month, OffsetDateTime, Time};

/// A message, except for its value, which is the payload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct MessageFrame {
    /// `host.id` of the record, by which the partition is chosen.
    pub(super) key: String,
    /// Identifier of the record, by which a reader knows duplicates.
    pub(super) uid: Option<String>,
    /// Type of the record.
    pub(super) kind: Option<String>,
    /// Time of the record, in milliseconds since 1970.
    pub(super) millis: i64,
}

impl MessageFrame {
    /// Returns the message of a payload. A payload that does not name its machine, as those of `cef`, is one of the
    /// machine `host_id`.
    pub(super) fn of(payload: &[u8], host_id: &str) -> Self {
        let places: Places = serde_json::from_slice(payload).unwrap_or_default();
        let millis = places.millis().unwrap_or_else(now);
        let data = places.data.unwrap_or_default();
        let event = places.event.unwrap_or_default();
        let metadata = places.metadata.unwrap_or_default();
        let host = places.host.or(data.host).unwrap_or_default().id;
        let key = host.or(places.device.unwrap_or_default().uid).unwrap_or_else(|| host_id.to_owned());
        let native = places.log.unwrap_or_default().record.unwrap_or_default().uid;
        let uid = native.or(event.id).or(metadata.uid).or(places.id);
        let kind = places.event_name.or(event.action).or(metadata.event_code).or(places.r#type);
        Self { key, uid, kind, millis }
    }

    /// Returns the headers.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let uid = self.uid.as_deref().map(|uid| ("uid", uid));
        uid.into_iter().chain(self.kind.as_deref().map(|kind| ("type", kind)))
    }
}

/// Returns the current time in milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

/// The members of a record, in any format, that a message needs; the others are not kept.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Places {
    event_name: Option<String>,
    timestamp: Option<String>,
    log: Option<LogPlace>,
    host: Option<HostPlace>,
    #[serde(rename = "@timestamp")]
    at_timestamp: Option<String>,
    event: Option<EventPlace>,
    metadata: Option<MetadataPlace>,
    device: Option<UidPlace>,
    /// Milliseconds in OCSF, a text in CloudEvents.
    time: Option<TimePlace>,
    id: Option<String>,
    r#type: Option<String>,
    data: Option<DataPlace>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TimePlace {
    Millis(i64),
    Text(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LogPlace {
    record: Option<UidPlace>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UidPlace {
    uid: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HostPlace {
    id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventPlace {
    id: Option<String>,
    action: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataPlace {
    uid: Option<String>,
    event_code: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DataPlace {
    host: Option<HostPlace>,
}

impl Places {
    fn millis(&self) -> Option<i64> {
        let text = match &self.time {
            Some(TimePlace::Millis(millis)) => return Some(*millis),
            Some(TimePlace::Text(text)) => Some(text),
            None => self.timestamp.as_ref().or(self.at_timestamp.as_ref()),
        };
        millis_of(text?)
    }
}

/// Returns the milliseconds since 1970 of a time as records have it: RFC 3339 in UTC, with any number of decimals.
fn millis_of(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let year = date.next()?.parse().ok()?;
    let month: u8 = date.next()?.parse().ok()?;
    let date =
        Date::from_calendar_date(year, Month::try_from(month).ok()?, date.next()?.parse().ok()?).ok()?;
    let (clock, decimals) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(|part| part.parse().ok());
    let time = Time::from_hms(clock.next()??, clock.next()??, clock.next()??).ok()?;
    let millis = decimals.chars().chain("000".chars()).take(3).collect::<String>().parse::<u16>().ok()?;
    Some(OffsetDateTime::new_utc(date, time).unix_timestamp() * 1000 + i64::from(millis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_format_has_key_and_headers() {
        for payload in [
            r#"{"event_name":"k","timestamp":"2026-12-01T00:00:00.5Z","host":{"id":"h"},"log":{"record":{"uid":"u"}}}"#,
            r#"{"@timestamp":"2026-12-01T00:00:00.500Z","event":{"id":"u","action":"k"},"host":{"id":"h"}}"#,
            r#"{"time":1796083200500,"metadata":{"uid":"u","event_code":"k"},"device":{"uid":"h"}}"#,
            r#"{"id":"u","type":"k","time":"2026-12-01T00:00:00.5Z","data":{"host":{"id":"h"}}}"#,
        ] {
            let frame = MessageFrame::of(payload.as_bytes(), "other");
            assert_eq!((&*frame.key, frame.millis), ("h", 1_796_083_200_500), "{payload}");
            let headers: Vec<_> = frame.headers().collect();
            assert_eq!(headers, [("uid", "u"), ("type", "k")], "{payload}");
        }
    }

    #[test]
    fn other_payloads_are_those_of_this_machine() {
        for payload in ["CEF:0|x", "{}", "{\"host\":7}", "[", ""] {
            let frame = MessageFrame::of(payload.as_bytes(), "this");
            assert_eq!((&*frame.key, frame.headers().count()), ("this", 0), "{payload}");
            assert!(frame.millis > 1_600_000_000_000);
        }
    }

    proptest! {
        #[test]
        fn any_payload_has_a_message(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(MessageFrame::of(&payload, "this").key, "this");
        }
    }
}
