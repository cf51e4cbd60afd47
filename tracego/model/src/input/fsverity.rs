//! Digests of fs-verity: of files whose content the kernel keeps from changing.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer, de::Error as _};

/// The algorithms of fs-verity (linux/fsverity.h).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FsverityAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl FsverityAlgorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Returns the algorithm with a number of the kernel's.
    #[must_use]
    pub fn from_raw(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns the name that `fsverity digest` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of bytes of a digest.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => FsverityDigest::BYTES_MAX,
        }
    }
}

/// The digest of a file with fs-verity. Two files with the same digest have the same content. Written as `fsverity digest`
/// writes it: the name of the algorithm, a colon, and hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FsverityDigest {
    algorithm: FsverityAlgorithm,
    /// The digest, with zeros behind.
    bytes: [u8; Self::BYTES_MAX],
}

impl FsverityDigest {
    /// Maximum number of bytes of a digest.
    pub const BYTES_MAX: usize = 64;

    /// Creates a digest. Returns `None` if the algorithm has digests of another size.
    #[must_use]
    pub fn new(algorithm: FsverityAlgorithm, digest: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..algorithm.size())?.copy_from_slice(digest.get(..algorithm.size())?);
        (digest.len() == algorithm.size()).then_some(Self { algorithm, bytes })
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> FsverityAlgorithm {
        self.algorithm
    }

    /// Returns the digest itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.size()).unwrap_or_default()
    }
}

impl fmt::Display for FsverityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm.as_str())?;
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FsverityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FsverityDigest({self})")
    }
}

/// The failure to read a digest of fs-verity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a digest of fs-verity is sha256: or sha512: and as many hexadecimal digits")]
pub struct NoFsverityDigest;

impl FromStr for FsverityDigest {
    type Err = NoFsverityDigest;

    /// Reads the written form, with digits of either case.
    fn from_str(text: &str) -> Result<Self, NoFsverityDigest> {
        let (name, digits) = text.split_once(':').ok_or(NoFsverityDigest)?;
        let algorithm = FsverityAlgorithm::ALL.into_iter().find(|one| one.as_str() == name);
        let algorithm = algorithm.filter(|one| digits.len() == 2 * one.size()).ok_or(NoFsverityDigest)?;
        let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = digits.as_bytes().as_chunks::<2>().0.iter();
        let bytes: Option<Vec<u8>> =
            pairs.map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
        bytes.and_then(|bytes| Self::new(algorithm, &bytes)).ok_or(NoFsverityDigest)
    }
}

impl Serialize for FsverityDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FsverityDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        for (algorithm, start) in [(1, "sha256:0007"), (2, "sha512:0007")] {
            let algorithm = FsverityAlgorithm::from_raw(algorithm).unwrap();
            let bytes: Vec<u8> =
                (0..algorithm.size()).map(|at| u8::try_from(at * 7 % 256).unwrap()).collect();
            let digest = FsverityDigest::new(algorithm, &bytes).unwrap();
            let text = digest.to_string();
            assert_eq!((text.len(), &text[..11]), (7 + 2 * bytes.len(), start));
            assert_eq!((text.parse(), digest.bytes()), (Ok(digest), bytes.as_slice()));
            assert_eq!(serde_json::from_str::<FsverityDigest>(&format!("\"{text}\"")).unwrap(), digest);
            for bad in [&text[1..], &text[..text.len() - 2], &format!("{text}00"), &text.replace(':', "-")] {
                assert_eq!(bad.parse::<FsverityDigest>(), Err(NoFsverityDigest), "{bad}");
            }
            assert_eq!(FsverityDigest::new(algorithm, &bytes[1..]), None);
        }
        assert_eq!(FsverityAlgorithm::from_raw(3), None);
        assert_eq!("md5:00".parse::<FsverityDigest>(), Err(NoFsverityDigest));
        assert_eq!(format!("sha256:{}", "zz".repeat(32)).parse::<FsverityDigest>(), Err(NoFsverityDigest));
    }
}
