//! Compression of single records. A record alone has little that repeats, so it is compressed with a dictionary
//! that holds what records have in common. Each record can be read without the others.
//!
//! ```text
//! number of the dictionary u8 | length of the record u32 | zstd frame
//! ```

use std::{io, sync::LazyLock};

use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
};

/// Maximum size of a record in bytes. Larger records leave a gap.
pub const RECORD_MAX: usize = 16 << 20;

/// Number of the only dictionary. Its bytes never change, because records on disks need them: a better one gets
/// the next number.
const DICTIONARY: u8 = 1;
const DICTIONARY_BYTES: &[u8] = include_bytes!("dictionary_1.txt");
/// Level of the zstd library: higher ones save little and take long.
const LEVEL: i32 = 1;
/// Size in bytes below which records are stored as they are.
const LEAST: usize = 128;
/// Size of what is in front of the zstd frame.
const PREFIX: usize = 5;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_BYTES, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_BYTES));

/// Compresses records.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    buffer: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> io::Result<Self> {
        let mut compressor = Compressor::with_prepared_dictionary(&ENCODER)?;
        // The length is in the prefix, and the frame around it has a checksum.
        compressor.include_contentsize(false)?;
        compressor.include_checksum(false)?;
        Ok(Self { compressor, buffer: Vec::new() })
    }

    /// Returns the compressed form of a record; `None` if it would save less than an eighth.
    pub(crate) fn pack(&mut self, record: &[u8]) -> Option<&[u8]> {
        let len = u32::try_from(record.len()).ok().filter(|_| record.len() >= LEAST)?;
        let frame = self.compressor.compress(record).ok()?;
        if PREFIX + frame.len() > record.len() - record.len() / 8 {
            return None;
        }
        self.buffer.clear();
        self.buffer.push(DICTIONARY);
        self.buffer.extend_from_slice(&len.to_le_bytes());
        self.buffer.extend_from_slice(&frame);
        Some(&self.buffer)
    }
}

/// Returns the length of the record in a compressed form; `None` if the bytes cannot be one.
pub(crate) fn unpacked_len(packed: &[u8]) -> Option<usize> {
    let (&dictionary, rest) = packed.split_first()?;
    let (len, frame) = rest.split_first_chunk()?;
    let len = u32::from_le_bytes(*len) as usize;
    (dictionary == DICTIONARY && !frame.is_empty() && len <= RECORD_MAX).then_some(len)
}

/// Decompresses records.
#[derive(Default)]
pub(crate) struct Unpacker(Option<Decompressor<'static>>);

impl Unpacker {
    /// Returns the record in a compressed form; `None` if the bytes are not one. Takes at most the memory that
    /// the length says.
    pub(crate) fn unpack(&mut self, packed: &[u8]) -> Option<Vec<u8>> {
        let len = unpacked_len(packed)?;
        let decompressor = match &mut self.0 {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::with_prepared_dictionary(&DECODER).ok()?),
        };
        let record = decompressor.decompress(packed.get(PREFIX..)?, len).ok()?;
        (record.len() == len).then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_record_of_the_usual_kind_takes_a_third() {
        let record = DICTIONARY_BYTES.split(|byte| *byte == b'\n').next().unwrap();
        let record = String::from_utf8_lossy(record).replace("golden", "another").replace(['4', '7'], "3");
        let mut packer = Packer::new().unwrap();
        let packed = packer.pack(record.as_bytes()).unwrap().to_vec();
        assert!(packed.len() < record.len() / 3, "{} of {}", packed.len(), record.len());
        assert_eq!(Unpacker::default().unpack(&packed).unwrap(), record.as_bytes());
        assert!(packer.pack(b"short").is_none());
    }

    #[test]
    fn a_frame_that_is_larger_than_it_says_takes_no_more_memory() {
        let bomb = vec![b'x'; RECORD_MAX];
        let mut packer = Packer::new().unwrap();
        let mut packed = packer.pack(&bomb).unwrap().to_vec();
        assert!(packed.len() < 4096);
        assert_eq!(Unpacker::default().unpack(&packed).unwrap().len(), RECORD_MAX);
        for len in [0_u32, 1, 1 << 20, RECORD_MAX as u32 - 1, RECORD_MAX as u32 + 1, u32::MAX] {
            packed[1..5].copy_from_slice(&len.to_le_bytes());
            assert!(Unpacker::default().unpack(&packed).is_none(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(record in vec(0_u8..8, 0..4000)) {
            let mut unpacker = Unpacker::default();
            let mut packer = Packer::new().unwrap();
            if let Some(packed) = packer.pack(&record) {
                prop_assert!(packed.len() < record.len());
                prop_assert_eq!(unpacker.unpack(packed).unwrap(), record);
            }
        }

        #[test]
        fn hostile_bytes_are_no_record_or_one_of_their_length(bytes in vec(any::<u8>(), 0..300), len in 0_u32..5000) {
            let mut unpacker = Unpacker::default();
            let mut packed = vec![DICTIONARY];
            packed.extend(len.to_le_bytes());
            packed.extend(&bytes);
            if let Some(record) = unpacker.unpack(&packed) {
                prop_assert_eq!(record.len(), len as usize);
            }
            let _any = unpacker.unpack(&bytes);
        }
    }
}
