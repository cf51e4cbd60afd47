//! Failures of brokers, and their meaning for records.

use super::wire::MalformedAnswer;

/// The side that a failure is the fault of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FailureClass {
    /// The cluster, now: the same batch may be taken soon.
    Again,
    /// The settings, or something that the operator has to make. The text says what to look at.
    Mistake(&'static str),
    /// User and password: they are read again.
    Credentials,
    /// The records.
    Content,
    /// The size of the batch.
    TooLarge,
}

/// The reason why a batch was not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BrokerFailure {
    pub(super) class: FailureClass,
    /// Text for people.
    pub(super) why: String,
}

impl BrokerFailure {
    /// Returns a failure that is worth another attempt.
    pub(super) fn again(why: impl Into<String>) -> Self {
        Self { class: FailureClass::Again, why: why.into() }
    }

    /// Returns the failure with this code; `None` for 0, which is none. `about`: what was asked for.
    pub(super) fn of(code: i16, about: &str) -> Option<Self> {
        let (class, name) = class(code)?;
        Some(Self { class, why: format!("{about}: {name} ({code})") })
    }

    /// Returns the text for people, with what the operator should look at.
    pub(super) fn text(&self) -> String {
        match self.class {
            FailureClass::Mistake(hint) => format!("{}; {hint}", self.why),
            FailureClass::Credentials => format!("{}; look at user, password and mechanism", self.why),
            FailureClass::Again | FailureClass::Content | FailureClass::TooLarge => self.why.clone(),
        }
    }
}

impl From<MalformedAnswer> for BrokerFailure {
    fn from(MalformedAnswer: MalformedAnswer) -> Self {
        let class = FailureClass::Mistake("is it a broker of Kafka?");
        Self { class, why: "the answer cannot be read".to_owned() }
    }
}

/// Returns class and name of a code (<https://kafka.apache.org/protocol#protocol_error_codes>); `None` for 0.
fn class(code: i16) -> Option<(FailureClass, &'static str)> {
    use FailureClass::{Again, Content, Credentials, Mistake, TooLarge};
    Some(match code {
        0 => return None,
        2 => (Again, "CORRUPT_MESSAGE"),
        3 => (Mistake("the topic does not exist: create it, or look at topic"), "UNKNOWN_TOPIC_OR_PARTITION"),
        5 => (Again, "LEADER_NOT_AVAILABLE"),
        6 => (Again, "NOT_LEADER_OR_FOLLOWER"),
        7 => (Again, "REQUEST_TIMED_OUT"),
        9 => (Again, "REPLICA_NOT_AVAILABLE"),
        10 => (TooLarge, "MESSAGE_TOO_LARGE"),
        13 => (Again, "NETWORK_EXCEPTION"),
        17 => (Mistake("look at topic"), "INVALID_TOPIC_EXCEPTION"),
        18 => (TooLarge, "RECORD_LIST_TOO_LARGE"),
        19 => (Again, "NOT_ENOUGH_REPLICAS"),
        20 => (Again, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
        29 => (Mistake("give the user the right to write to the topic"), "TOPIC_AUTHORIZATION_FAILED"),
        31 => (Mistake("give the user the right to write"), "CLUSTER_AUTHORIZATION_FAILED"),
        32 => (Content, "INVALID_TIMESTAMP"),
        33 => (Mistake("look at mechanism"), "UNSUPPORTED_SASL_MECHANISM"),
        34 => (Mistake("look at mechanism"), "ILLEGAL_SASL_STATE"),
        35 => (Mistake("the broker has to be Kafka 2.1 or newer"), "UNSUPPORTED_VERSION"),
        43 => (Mistake("the topic has an old message.format.version"), "UNSUPPORTED_FOR_MESSAGE_FORMAT"),
        44 => (Mistake("look at the rules of the topic"), "POLICY_VIOLATION"),
        56 => (Again, "KAFKA_STORAGE_ERROR"),
        58 => (Credentials, "SASL_AUTHENTICATION_FAILED"),
        76 => (Mistake("look at compression"), "UNSUPPORTED_COMPRESSION_TYPE"),
        87 => (Content, "INVALID_RECORD"),
        _ => (Again, "error"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_class_and_a_text() {
        assert_eq!(BrokerFailure::of(0, "x"), None);
        let text = |code| BrokerFailure::of(code, "topic t").unwrap().text();
        assert_eq!(text(6), "topic t: NOT_LEADER_OR_FOLLOWER (6)");
        assert!(text(3).ends_with("create it, or look at topic"));
        assert!(text(58).contains("look at user, password and mechanism"));
        assert_eq!(text(-1), "topic t: error (-1)");
        let class = |code| BrokerFailure::of(code, "x").unwrap().class;
        assert_eq!(
            (class(10), class(32), class(7)),
            (FailureClass::TooLarge, FailureClass::Content, FailureClass::Again)
        );
    }
}
