//! Numbers of the kernel that fill 64 bits.

use std::fmt;

use serde::{Serialize, Serializer};

/// The largest number below which every reader of JSON keeps integers apart: many hold them as IEEE 754
/// doubles (RFC 8259, 6).
const SAFE_MAX: u64 = (1 << 53) - 1;

/// A number of the kernel, such as an inode. Written as a number up to 2^53 - 1 and as a string of digits above
/// that, so that no reader rounds it to another one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ExactNumber(pub u64);

impl Serialize for ExactNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 <= SAFE_MAX { serializer.serialize_u64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

impl fmt::Display for ExactNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_a_double_would_round_is_a_string() {
        let json = |number| serde_json::to_string(&ExactNumber(number)).unwrap();
        assert_eq!(json(0), "0");
        assert_eq!(json(9_007_199_254_740_991), "9007199254740991");
        assert_eq!(json(9_007_199_254_740_993), "\"9007199254740993\"");
        assert_eq!(json(u64::MAX), "\"18446744073709551615\"");
    }
}
