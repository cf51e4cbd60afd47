//! Bodies of bulk requests.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::format::Format;

/// Joins payloads to a body: a line with the action in front of each document.
pub(super) fn join(format: Format, lines: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::with_capacity(lines.iter().map(|line| line.len() + 80).sum());
    for line in lines {
        let action = serde_json::json!({ "create": { "_id": document_id(format, line) } });
        body.extend_from_slice(action.to_string().as_bytes());
        body.push(b'\n');
        body.extend_from_slice(line.trim_ascii_end());
        body.push(b'\n');
    }
    body
}

/// Maximum length of an identifier in bytes, which the stores set.
const LONGEST: usize = 512;

/// Returns the identifier of a document: that of the record, or a hash of a payload without one.
pub(super) fn document_id(format: Format, line: &[u8]) -> String {
    let id = record_id(format, line).filter(|id| !id.is_empty() && id.len() <= LONGEST);
    id.unwrap_or_else(|| {
        let digest = Sha256::digest(line.trim_ascii_end());
        digest.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    })
}

/// Returns the identifier of the record in a payload, from the place that the format has for it.
fn record_id(format: Format, line: &[u8]) -> Option<String> {
    let places: Places = serde_json::from_slice(line).ok()?;
    match format {
        Format::Ecs => places.event?.id,
        Format::Ocsf => places.metadata?.uid,
        _ => places.log?.record?.uid,
    }
}

/// The members of a record that may hold the identifier; the others are not kept.
#[derive(Deserialize)]
struct Places {
    event: Option<EventPlace>,
    metadata: Option<UidPlace>,
    log: Option<LogPlace>,
}

#[derive(Deserialize)]
struct EventPlace {
    id: Option<String>,
}

#[derive(Deserialize)]
struct LogPlace {
    record: Option<UidPlace>,
}

#[derive(Deserialize)]
struct UidPlace {
    uid: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_has_an_action_with_the_identifier_of_its_record() {
        let line: &[u8] = b"{\"@timestamp\":\"x\",\"event\":{\"id\":\"u-1\",\"kind\":\"event\"}}\n";
        let body = String::from_utf8(join(Format::Ecs, &[line, line])).unwrap();
        let lines: Vec<&str> = body.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[2], "{\"create\":{\"_id\":\"u-1\"}}");
        assert_eq!(lines[3].as_bytes(), line.trim_ascii_end());
        assert_eq!(document_id(Format::Json, b"{\"log\":{\"record\":{\"uid\":\"u-2\"}}}"), "u-2");
        assert_eq!(document_id(Format::Ocsf, b"{\"metadata\":{\"uid\":\"u-3\"}}"), "u-3");
    }

    #[test]
    fn a_payload_without_an_identifier_has_that_of_its_content() {
        let ids: Vec<String> = [&b"{}"[..], b"{}\n", b"{\"event\":{\"id\":7}}", b"not json", b"\xff"]
            .iter()
            .map(|line| document_id(Format::Ecs, line))
            .collect();
        assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[2]);
    }
}
