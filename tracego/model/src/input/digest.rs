//! Digests of executed files.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer, de::Error as _};

use super::fsverity::FsverityDigest;

/// The SHA-256 of a file (FIPS 180-4). Written as 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sha256Digest(pub [u8; 32]);

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair =
                [byte >> 4, byte & 0xf].map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(b'?'));
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Digest({self})")
    }
}

/// The failure to read a digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a SHA-256 has 32 bytes, 64 hexadecimal digits")]
pub struct NoDigest;

impl FromStr for Sha256Digest {
    type Err = NoDigest;

    /// Reads 64 hexadecimal digits, of either case.
    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Option<Vec<u8>> = text.as_bytes().iter().map(digit).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(NoDigest)?;
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<&[u8]> for Sha256Digest {
    type Error = NoDigest;

    /// Takes the 32 bytes of a digest.
    fn try_from(bytes: &[u8]) -> Result<Self, NoDigest> {
        bytes.try_into().map(Self).map_err(|_| NoDigest)
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// State of the digest of an executed file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileDigest {
    /// The digest of what ran.
    Known(Sha256Digest),
    /// The digest of what ran: a file with fs-verity, whose content the kernel keeps from changing.
    Fixed {
        /// The digest.
        sha256: Sha256Digest,
        /// The digest of fs-verity.
        fsverity: FsverityDigest,
    },
    /// The digest of the file as it was found, of which it is not proven that it ran like that: its change time moved
    /// while it was hashed, or it was changed just before its start and its process ended at once.
    Unproven(Sha256Digest),
    /// The file is being hashed.
    Pending,
    /// There is none.
    Absent(DigestGap),
}

impl FileDigest {
    /// Returns the digest of what ran; `None` if it is not proven, or not known.
    #[must_use]
    pub fn proven(self) -> Option<Sha256Digest> {
        match self {
            Self::Known(sha256) | Self::Fixed { sha256, .. } => Some(sha256),
            Self::Unproven(_) | Self::Pending | Self::Absent(_) => None,
        }
    }

    /// Returns the digest of fs-verity; `None` for a file without one, and as long as the file is being hashed.
    #[must_use]
    pub fn fsverity(self) -> Option<FsverityDigest> {
        match self {
            Self::Fixed { fsverity, .. } => Some(fsverity),
            _ => None,
        }
    }
}

/// Why there is no digest of an executed file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestGap {
    /// The file is larger than the limit.
    TooLarge,
    /// Too many files wait to be hashed.
    Busy,
    /// The file system is a server's or a user's, which can show other bytes at each reading.
    Remote,
    /// The file was changed just before its start, and the process ended before the file was opened.
    Unstable,
    /// The file changed while it was hashed.
    Changed,
    /// The file could not be read as a whole, or the process that hashes files was lost.
    Failed,
    /// tracego ended before the file was hashed.
    TracegoEnded,
}

impl DigestGap {
    /// All of them, in the order of the documents.
    pub const ALL: [Self; 7] = [
        Self::TooLarge,
        Self::Busy,
        Self::Remote,
        Self::Unstable,
        Self::Changed,
        Self::Failed,
        Self::TracegoEnded,
    ];

    /// Returns the name used in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Busy => "busy",
            Self::Remote => "remote",
            Self::Unstable => "unstable",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::TracegoEnded => "tracego-ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(at * 8 + 3).unwrap();
        }
        let digest = Sha256Digest(bytes);
        let text = digest.to_string();
        assert_eq!((text.len(), &text[..6]), (64, "030b13"));
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        assert_eq!(
            (Sha256Digest::try_from(&bytes[..]), (&bytes[1..]).try_into()),
            (Ok(digest), Err::<Sha256Digest, _>(NoDigest))
        );
        assert_eq!(serde_json::from_str::<Sha256Digest>(&format!("\"{text}\"")).unwrap(), digest);
        for bad in ["", &text[1..], &format!("{text}0"), &text.replace('0', "g"), &"ü".repeat(32)] {
            assert_eq!(bad.parse::<Sha256Digest>(), Err(NoDigest), "{bad}");
        }
    }
}
