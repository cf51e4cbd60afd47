//! Answers of the bulk API.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    http::Response,
    sink::delivery::{DeliveryError, batch_split::ItemOutcome},
};

/// Maximum number of characters of a store's reason.
const LONGEST: usize = 300;

/// The part of an answer that is read.
#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<Value>,
}

/// Returns the outcome for each record, or `None` if the answer does not have one for each.
pub(super) fn items(answer: &Response, records: usize) -> Option<Vec<ItemOutcome>> {
    if answer.cut {
        return None;
    }
    let answer: BulkAnswer = serde_json::from_slice(&answer.body).ok()?;
    if answer.items.len() != records {
        return None;
    }
    answer.items.iter().map(outcome).collect()
}

/// Returns the outcome in an item: an object with the action as its only member.
fn outcome(item: &Value) -> Option<ItemOutcome> {
    let result = item.as_object()?.values().next()?;
    let status = result.get("status")?.as_u64()?;
    let why = || {
        let reason = reason(result.get("error"));
        if reason.is_empty() { status.to_string() } else { format!("{status}: {reason}") }
    };
    Some(match status {
        // 409: an earlier request has stored the record.
        200..=299 | 409 => ItemOutcome::Taken,
        401 | 403..=405 => ItemOutcome::Again(DeliveryError {
            sender_fault: true,
            ..DeliveryError::new(format!("{}; look at data-stream, index and the rights of the user", why()))
        }),
        429 => ItemOutcome::Again(DeliveryError { sender_fault: true, ..DeliveryError::new(why()) }),
        408 | 425 | 500.. => ItemOutcome::Again(DeliveryError::new(why())),
        _ => ItemOutcome::Never(why()),
    })
}

/// Returns the reason in an error, with that of its cause, short and without control characters.
fn reason(error: Option<&Value>) -> String {
    let text = |value: Option<&Value>, key: &str| -> String {
        value.and_then(|value| value.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let parts = [
        text(error, "type"),
        error.and_then(Value::as_str).map_or_else(|| text(error, "reason"), str::to_owned),
        text(error.and_then(|error| error.get("caused_by")), "reason"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ").chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str, records: usize) -> Option<Vec<ItemOutcome>> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        items(&Response { body, ..Response::default() }, records)
    }

    fn item(status: u16, error: &str) -> String {
        let error = if error.is_empty() { String::new() } else { format!(",\"error\":{error}") };
        format!("{{\"create\":{{\"_index\":\"i\",\"status\":{status}{error}}}}}")
    }

    #[test]
    fn each_record_has_an_outcome_of_its_own() {
        let mapping = r#"{"type":"document_parsing_exception","reason":"failed to parse\n[pid]",
            "caused_by":{"type":"x","reason":"For input string: \"a\""}}"#;
        let all =
            [(201, ""), (200, ""), (409, ""), (429, ""), (503, ""), (404, ""), (400, mapping), (400, "")];
        let text: Vec<String> = all.iter().map(|(status, error)| item(*status, error)).collect();
        let outcomes = read(&format!("{{\"errors\":true,\"items\":[{}]}}", text.join(",")), 8).unwrap();
        assert!(outcomes[..3].iter().all(|outcome| *outcome == ItemOutcome::Taken));
        let again = |at: usize| match &outcomes[at] {
            ItemOutcome::Again(trouble) => trouble.sender_fault,
            other => panic!("{other:?}"),
        };
        assert_eq!((again(3), again(4), again(5)), (true, false, true));
        let why = "400: document_parsing_exception: failed to parse[pid]: For input string: \"a\"";
        assert_eq!(outcomes[6], ItemOutcome::Never(why.to_owned()));
        assert_eq!(outcomes[7], ItemOutcome::Never("400".to_owned()));
    }

    proptest! {
        #[test]
        fn any_answer_is_none_or_has_an_outcome_for_each_record(
            body in proptest::collection::vec(any::<u8>(), 0..80),
            statuses in proptest::collection::vec(any::<u16>(), 0..6),
            records in 0_usize..6,
        ) {
            let read_bytes = |body: &[u8]| {
                items(&Response { body: Bytes::copy_from_slice(body), ..Response::default() }, records)
            };
            prop_assert!(read_bytes(&body).is_none_or(|items| items.len() == records));
            let text: Vec<String> = statuses.iter().map(|status| item(*status, "7")).collect();
            let items = read_bytes(format!("{{\"items\":[{}]}}", text.join(",")).as_bytes());
            prop_assert_eq!(items.is_some(), statuses.len() == records);
        }
    }

    #[test]
    fn an_answer_that_does_not_have_one_for_each_record_is_none() {
        for body in [
            "",
            "<html>",
            "{}",
            "[]",
            "{\"items\":[]}",
            "{\"items\":[{}]}",
            "{\"items\":[{\"create\":{}}]}",
            "{\"items\":[{\"create\":{\"status\":-1}}]}",
            "{\"items\":[7]}",
            "{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}",
        ] {
            assert_eq!(read(body, 1), None, "{body}");
        }
        assert_eq!(read(&format!("{{\"items\":[{}]}}", item(201, "")), 1), Some(vec![ItemOutcome::Taken]));
    }
}
