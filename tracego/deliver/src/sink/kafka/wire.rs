//! Values of Kafka's protocol: numbers in network order, and texts and lists with their length in front.

/// An answer that ends early or has a length that cannot be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct MalformedAnswer;

/// A reader of an answer. Every length is checked against the bytes that are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireReader<'a>(&'a [u8]);

impl<'a> WireReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MalformedAnswer> {
        let (taken, left) = self.0.split_at_checked(length).ok_or(MalformedAnswer)?;
        self.0 = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MalformedAnswer> {
        self.take(N)?.try_into().map_err(|_| MalformedAnswer)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, MalformedAnswer> {
        Ok(self.array::<1>()? != [0])
    }

    pub(super) fn int16(&mut self) -> Result<i16, MalformedAnswer> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn int32(&mut self) -> Result<i32, MalformedAnswer> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn int64(&mut self) -> Result<i64, MalformedAnswer> {
        self.array().map(i64::from_be_bytes)
    }

    /// Reads a text; one that is null is empty. Bytes that are no UTF-8 are replaced.
    pub(super) fn text(&mut self) -> Result<String, MalformedAnswer> {
        let bytes = match self.int16()? {
            -1 => &[][..],
            length => self.take(usize::try_from(length).map_err(|_| MalformedAnswer)?)?,
        };
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Reads bytes; those that are null are empty.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], MalformedAnswer> {
        match self.int32()? {
            -1 => Ok(&[]),
            length => self.take(usize::try_from(length).map_err(|_| MalformedAnswer)?),
        }
    }

    /// Reads a list; one that is null is empty. Memory grows with the items that are there, not with their
    /// claimed number.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, MalformedAnswer>,
    ) -> Result<Vec<T>, MalformedAnswer> {
        let count = self.int32()?.max(0);
        (0..count).map(|_| item(self)).collect()
    }
}

/// Appends a text with its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    // The settings are shorter.
    let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend(text.bytes().take(length.unsigned_abs().into()));
}

/// Appends a number of bytes or items.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
}

/// Appends a number of variable length, zigzag as in protobuf.
pub(super) fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while left >= 0x80 {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

/// Appends bytes with their length as a number of variable length.
pub(super) fn put_varbytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length_are_those_of_protobuf() {
        for (value, expected) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[126]),
            (-64, &[127]),
            (64, &[128, 1]),
            (300, &[0xd8, 4]),
            (i64::MIN, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, expected, "{value}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        assert_eq!(WireReader::new(&[0, 5, b'a']).text(), Err(MalformedAnswer));
        assert_eq!(WireReader::new(&[0x80, 0, b'a']).text(), Err(MalformedAnswer));
        assert_eq!(WireReader::new(&[255, 255]).text(), Ok(String::new()));
        assert_eq!(WireReader::new(&[0x7f, 255, 255, 255, 1]).bytes(), Err(MalformedAnswer));
        let mut huge = WireReader::new(&[0x7f, 255, 255, 255, 0, 1]);
        assert_eq!(huge.list(WireReader::int16), Err(MalformedAnswer));
    }
}
