//! An event of a watch: one line.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ApiPod, ApiStatus};

/// An event of a watch.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    /// A pod that is new, or has changed.
    Present(Box<ApiPod>),
    /// A pod that is gone, in its last state.
    Gone(Box<ApiPod>),
    /// A resource version from which a watch can go on.
    Bookmark(String),
    /// An error. The watch is over.
    Error(ApiStatus),
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl WatchEvent {
    /// Parses a line.
    ///
    /// # Errors
    /// Fails if the line is not JSON, or no event of a watch.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let text = |error: serde_json::Error| error.to_string();
        let RawEvent { kind, object } = serde_json::from_slice(line).map_err(text)?;
        let pod = || serde_json::from_str::<ApiPod>(object.get()).map_err(text);
        match kind {
            "ADDED" | "MODIFIED" => Ok(Self::Present(Box::new(pod()?))),
            "DELETED" => Ok(Self::Gone(Box::new(pod()?))),
            "BOOKMARK" => Ok(Self::Bookmark(pod()?.metadata.resource_version)),
            "ERROR" => Ok(Self::Error(serde_json::from_str(object.get()).map_err(text)?)),
            other => Err(format!("unknown type of event '{}'", other.chars().take(20).collect::<String>())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_watch_are_told_apart() {
        let parse = |line: &str| WatchEvent::parse(line.as_bytes());
        let pod = r#""metadata":{"uid":"u","name":"n","resourceVersion":"7","unknown":[1]}"#;
        let line = |kind: &str| format!(r#"{{"type":"{kind}","object":{{"kind":"Pod",{pod}}}}}"#);
        assert!(matches!(parse(&line("ADDED")), Ok(WatchEvent::Present(pod)) if pod.metadata.uid == "u"));
        assert!(matches!(parse(&line("MODIFIED")), Ok(WatchEvent::Present(_))));
        assert!(matches!(parse(&line("DELETED")), Ok(WatchEvent::Gone(pod)) if pod.metadata.name == "n"));
        assert!(matches!(parse(&line("BOOKMARK")), Ok(WatchEvent::Bookmark(version)) if version == "7"));
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        assert!(matches!(parse(gone), Ok(WatchEvent::Error(status)) if status.code == 410));
        for wrong in ["", "{}", "[]", r#"{"type":"ADDED"}"#, r#"{"type":"ADDED","object":7}"#, &line("OTHER")]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let wrong_member = r#"{"type":"ADDED","object":{"metadata":{"labels":7}}}"#;
        assert!(parse(wrong_member).is_err());
    }
}
