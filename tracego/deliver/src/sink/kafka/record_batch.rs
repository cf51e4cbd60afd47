//! Batches of records in the form of Kafka 0.11 and later ("magic 2"), for produce requests.

use std::io;

use super::{
    message::MessageFrame,
    settings::KafkaCompression,
    wire::{put_length, put_varbytes, put_varint},
};

/// Level of zstd, the library's default.
const ZSTD: i32 = 3;

/// Returns a batch with these messages and their values.
///
/// # Errors
/// Fails if the records cannot be compressed.
pub(super) fn encode(
    messages: &[MessageFrame],
    values: &[&[u8]],
    compression: KafkaCompression,
) -> io::Result<Vec<u8>> {
    let first = messages.first().map_or(0, |message| message.millis);
    let last = messages.iter().map(|message| message.millis).max().unwrap_or(first);
    let mut records = Vec::with_capacity(values.iter().map(|value| value.len() + 160).sum());
    let mut record = Vec::new();
    for ((message, value), offset) in messages.iter().zip(values).zip(0..) {
        put_record(&mut record, message, value.trim_ascii_end(), first, offset);
        put_varbytes(&mut records, &record);
        record.clear();
    }
    let (kind, records) = match compression {
        KafkaCompression::None => (0_i16, records),
        KafkaCompression::Zstd => (4, zstd::bulk::compress(&records, ZSTD)?),
    };
    // What the checksum is of.
    let mut body = Vec::with_capacity(records.len() + 40);
    body.extend_from_slice(&kind.to_be_bytes());
    put_length(&mut body, messages.len().saturating_sub(1));
    body.extend_from_slice(&first.to_be_bytes());
    body.extend_from_slice(&last.to_be_bytes());
    // Neither a transaction nor an idempotent producer: their numbers end with the connection.
    body.extend_from_slice(&(-1_i64).to_be_bytes());
    body.extend_from_slice(&(-1_i16).to_be_bytes());
    body.extend_from_slice(&(-1_i32).to_be_bytes());
    put_length(&mut body, messages.len());
    body.extend_from_slice(&records);
    let mut batch = Vec::with_capacity(body.len() + 21);
    batch.extend_from_slice(&0_i64.to_be_bytes());
    put_length(&mut batch, body.len() + 9);
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&crc32c(&body).to_be_bytes());
    batch.extend_from_slice(&body);
    Ok(batch)
}

fn put_record(out: &mut Vec<u8>, message: &MessageFrame, value: &[u8], first: i64, offset: i64) {
    out.push(0);
    put_varint(out, message.millis.wrapping_sub(first));
    put_varint(out, offset);
    put_varbytes(out, message.key.as_bytes());
    put_varbytes(out, value);
    put_varint(out, message.headers().count() as i64);
    for (name, text) in message.headers() {
        put_varbytes(out, name.as_bytes());
        put_varbytes(out, text.as_bytes());
    }
}

/// Remainders of all bytes for the polynomial of Castagnoli.
const REMAINDERS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ 0x82f6_3b78 } else { rest >> 1 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
};

/// Returns the checksum CRC-32C (RFC 3720 section B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |rest: u32, byte| REMAINDERS[usize::from(rest as u8 ^ byte)] ^ rest >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720 section B.4: 32 bytes of zeros, and of ones.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_batch_says_its_length_and_is_the_same_each_time() {
        let message = |key: &str, millis| MessageFrame {
            key: key.to_owned(),
            uid: Some("u".to_owned()),
            kind: None,
            millis,
        };
        let messages = [message("k", 5), message("k", 3)];
        let values: [&[u8]; 2] = [b"{}\n", b"{\"a\":1}"];
        let batch = encode(&messages, &values, KafkaCompression::None).unwrap();
        assert_eq!(batch[8..12], ((batch.len() - 12) as u32).to_be_bytes());
        assert_eq!(batch[17..21], crc32c(&batch[21..]).to_be_bytes());
        // Length, attributes, time, offset, key, value, headers.
        let first = [28, 0, 0, 0, 2, b'k', 4, b'{', b'}', 2, 6, b'u', b'i', b'd', 2, b'u'];
        assert_eq!(batch[61..77], [&[first.len() as u8 * 2 - 2][..], &first[1..]].concat());
        assert!(batch.ends_with(b"{\"a\":1}\x02\x06uid\x02u"));
        let packed = encode(&messages, &values, KafkaCompression::Zstd).unwrap();
        assert_eq!(packed, encode(&messages, &values, KafkaCompression::Zstd).unwrap());
        assert_eq!(zstd::bulk::decompress(&packed[61..], 1000).unwrap(), batch[61..]);
    }
}
