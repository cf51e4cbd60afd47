//! The requests that the sink makes, and their answers. The versions are those that Kafka 2.1 to 4 have in common.

use std::collections::BTreeMap;

use super::{
    settings::BrokerAddress,
    wire::{MalformedAnswer, WireReader, put_length, put_text},
};

/// A request and the version of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RequestKind {
    Produce,
    Metadata,
    SaslHandshake,
    SaslAuthenticate,
}

impl RequestKind {
    /// Returns the number of the request, and the version that is used.
    fn numbers(self) -> (i16, i16) {
        match self {
            // The first with zstd.
            Self::Produce => (0, 7),
            // The first that does not create topics.
            Self::Metadata => (3, 4),
            Self::SaslHandshake => (17, 1),
            Self::SaslAuthenticate => (36, 0),
        }
    }

    /// Returns a request with its length and header.
    pub(super) fn frame(self, correlation: i32, body: &[u8]) -> Vec<u8> {
        let (key, version) = self.numbers();
        let mut frame = Vec::with_capacity(body.len() + 24);
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&key.to_be_bytes());
        frame.extend_from_slice(&version.to_be_bytes());
        frame.extend_from_slice(&correlation.to_be_bytes());
        put_text(&mut frame, "tracego");
        frame.extend_from_slice(body);
        let length = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame
    }
}

/// Returns the body of a request for the brokers and the partitions of a topic.
pub(super) fn metadata(topic: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_length(&mut body, 1);
    put_text(&mut body, topic);
    // The topic is not created.
    body.push(0);
    body
}

/// The brokers and the partitions of a topic.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct TopicLayout {
    pub(super) brokers: BTreeMap<i32, BrokerAddress>,
    /// Error code of the topic.
    pub(super) error: i16,
    /// Leader of each partition by its number; negative without one.
    pub(super) leaders: BTreeMap<i32, i32>,
}

impl TopicLayout {
    /// Reads an answer.
    pub(super) fn read(answer: &[u8], topic: &str) -> Result<Self, MalformedAnswer> {
        let mut reader = WireReader::new(answer);
        let _throttle = reader.int32()?;
        let brokers = reader.list(|reader| {
            let (node, host, port) = (reader.int32()?, reader.text()?, reader.int32()?);
            let _rack = reader.text()?;
            let port = u16::try_from(port).map_err(|_| MalformedAnswer)?;
            Ok((node, BrokerAddress { host, port }))
        })?;
        let _cluster = reader.text()?;
        let _controller = reader.int32()?;
        let topics = reader.list(|reader| {
            let (error, name) = (reader.int16()?, reader.text()?);
            let _internal = reader.boolean()?;
            let leaders = reader.list(|reader| {
                let _error = reader.int16()?;
                let (partition, leader) = (reader.int32()?, reader.int32()?);
                let _replicas = reader.list(WireReader::int32)?;
                let _in_sync = reader.list(WireReader::int32)?;
                Ok((partition, leader))
            })?;
            Ok((name, error, leaders))
        })?;
        let (_, error, leaders) =
            topics.into_iter().find(|(name, ..)| name == topic).ok_or(MalformedAnswer)?;
        Ok(Self { brokers: brokers.into_iter().collect(), error, leaders: leaders.into_iter().collect() })
    }
}

/// Returns the body of a request that writes a batch to a partition, and is answered when all replicas in sync have
/// it, or after this time.
pub(super) fn produce(topic: &str, partition: i32, batch: &[u8], millis: i32) -> Vec<u8> {
    let mut body = Vec::with_capacity(batch.len() + topic.len() + 40);
    // No transaction.
    body.extend_from_slice(&(-1_i16).to_be_bytes());
    // All replicas in sync.
    body.extend_from_slice(&(-1_i16).to_be_bytes());
    body.extend_from_slice(&millis.to_be_bytes());
    put_length(&mut body, 1);
    put_text(&mut body, topic);
    put_length(&mut body, 1);
    body.extend_from_slice(&partition.to_be_bytes());
    put_length(&mut body, batch.len());
    body.extend_from_slice(batch);
    body
}

/// Reads the answer to [`produce`]. Returns the error code.
pub(super) fn produced(answer: &[u8], topic: &str, partition: i32) -> Result<i16, MalformedAnswer> {
    let mut reader = WireReader::new(answer);
    let topics = reader.list(|reader| {
        let name = reader.text()?;
        let partitions = reader.list(|reader| {
            let (partition, error) = (reader.int32()?, reader.int16()?);
            let _offset = reader.int64()?;
            let _time = reader.int64()?;
            let _start = reader.int64()?;
            Ok((partition, error))
        })?;
        Ok((name, partitions))
    })?;
    // A broker that limits the rate takes the next request later: the time that it names needs no attention.
    let mut of_topic = topics.into_iter().filter(|(name, _)| name == topic).flat_map(|(_, all)| all);
    of_topic.find(|(number, _)| *number == partition).map(|(_, error)| error).ok_or(MalformedAnswer)
}

/// Returns the body of a request for a mechanism.
pub(super) fn sasl_handshake(mechanism: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, mechanism);
    body
}

/// Reads the answer to [`sasl_handshake`]. Returns the error code, and the mechanisms that the broker has.
pub(super) fn sasl_mechanisms(answer: &[u8]) -> Result<(i16, Vec<String>), MalformedAnswer> {
    let mut reader = WireReader::new(answer);
    Ok((reader.int16()?, reader.list(WireReader::text)?))
}

/// Returns the body of a request with a message of a mechanism.
pub(super) fn sasl_authenticate(message: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(message.len() + 4);
    put_length(&mut body, message.len());
    body.extend_from_slice(message);
    body
}

/// Reads the answer to [`sasl_authenticate`]. Returns the error code, its text, and the broker's message.
pub(super) fn sasl_message(answer: &[u8]) -> Result<(i16, String, &[u8]), MalformedAnswer> {
    let mut reader = WireReader::new(answer);
    Ok((reader.int16()?, reader.text()?, reader.bytes()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_has_its_length_and_header() {
        let frame = RequestKind::SaslHandshake.frame(7, &sasl_handshake("PLAIN"));
        assert_eq!(frame, b"\0\0\0\x18\0\x11\0\x01\0\0\0\x07\0\x07tracego\0\x05PLAIN");
    }

    #[test]
    fn answers_are_read() {
        let mut answer =
            b"\0\0\0\0\0\0\0\x01\0\0\0\x05\0\x01h\0\0\x23\x84\xff\xff\xff\xff\0\0\0\x05".to_vec();
        answer.extend(b"\0\0\0\x01\0\0\0\x01t\0\0\0\0\x01\0\0\0\0\0\x02\0\0\0\x05\0\0\0\0\0\0\0\0");
        let layout = TopicLayout::read(&answer, "t").unwrap();
        assert_eq!(layout.brokers[&5].to_string(), "h:9092");
        assert_eq!((layout.error, layout.leaders[&2]), (0, 5));
        assert_eq!(TopicLayout::read(&answer, "other"), Err(MalformedAnswer));
        let mut answer = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\x0a".to_vec();
        answer.extend([0; 28]);
        assert_eq!(produced(&answer, "t", 2), Ok(10));
        assert_eq!(produced(&answer, "t", 3), Err(MalformedAnswer));
        assert_eq!(sasl_mechanisms(b"\0\x21\0\0\0\x01\0\x05PLAIN"), Ok((33, vec!["PLAIN".to_owned()])));
        assert_eq!(sasl_message(b"\0\x3a\0\x02no\0\0\0\x01x"), Ok((58, "no".to_owned(), &b"x"[..])));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(bytes in proptest::collection::vec(prop_oneof![
            Just(0_u8), Just(1), any::<u8>(),
        ], 0..200)) {
            let layout = TopicLayout::read(&bytes, "");
            prop_assert!(layout.is_err() || bytes.len() >= 20);
            prop_assert!(produced(&bytes, "", 0).is_err() || bytes.len() >= 8);
            prop_assert!(sasl_mechanisms(&bytes).is_err() || bytes.len() >= 6);
            prop_assert!(sasl_message(&bytes).is_err() || bytes.len() >= 8);
        }
    }
}
