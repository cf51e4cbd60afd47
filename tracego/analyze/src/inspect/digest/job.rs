//! A file to hash and its answer, as bytes.

use serde::{Deserialize, Serialize};
use tracego_model::input::{
    digest::{DigestGap, Sha256Digest},
    fsverity::{FsverityAlgorithm, FsverityDigest},
};

use super::super::image::executable::FileState;

/// Bytes of a [`HashJob`].
pub const JOB_BYTES: usize = 64 + FsverityDigest::BYTES_MAX;
/// Bytes of a [`HashAnswer`].
pub const ANSWER_BYTES: usize = 41;

/// Limits of the hasher.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HashLimits {
    /// Maximum number of bytes of a file.
    pub file_bytes: u64,
    /// Maximum number of bytes a second.
    pub bytes_per_second: u64,
}

/// A request for a digest, in a question to a worker.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DigestOrder {
    /// Number of the answer.
    pub number: u64,
    /// Limits of the hasher.
    pub limits: HashLimits,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Handing {
    /// The hasher has the file.
    Handed {
        /// The time until which the process has to have run the file, for its content to be what ran: a later change
        /// shows. Nanoseconds since 1970; 0 if it has.
        until_ns: u64,
        /// Whether the file has this content whenever it has the change time of the event.
        is_lasting: bool,
        /// The digest of fs-verity, for a file whose content was this when it ran, and cannot change.
        fsverity: Option<FsverityDigest>,
    },
    /// There will be no digest.
    Refused(DigestGap),
}

/// A file to hash; its descriptor comes with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashJob {
    /// Number of the answer.
    pub number: u64,
    /// Maximum number of bytes a second.
    pub bytes_per_second: u64,
    /// Size of the file in bytes.
    pub size: u64,
    /// Time of the last modification: seconds since 1970, and nanoseconds.
    pub mtime: (i64, i64),
    /// Change time: seconds since 1970, and nanoseconds.
    pub ctime: (i64, i64),
    /// The digest of fs-verity, for a file whose content cannot change.
    pub fsverity: Option<FsverityDigest>,
}

impl HashJob {
    /// Describes a file that a worker has opened.
    #[must_use]
    pub fn of(order: &DigestOrder, state: &FileState, fsverity: Option<FsverityDigest>) -> Self {
        Self {
            number: order.number,
            bytes_per_second: order.limits.bytes_per_second,
            size: state.size(),
            mtime: state.mtime(),
            ctime: state.ctime(),
            fsverity,
        }
    }

    /// Encodes the job.
    #[must_use]
    pub fn encode(&self) -> [u8; JOB_BYTES] {
        let times = [self.mtime.0, self.mtime.1, self.ctime.0, self.ctime.1].map(i64::cast_unsigned);
        let algorithm = match self.fsverity.map(|digest| digest.algorithm()) {
            None => 0,
            Some(FsverityAlgorithm::Sha256) => 1,
            Some(FsverityAlgorithm::Sha512) => 2,
        };
        let words =
            [self.number, self.bytes_per_second, self.size].into_iter().chain(times).chain([algorithm]);
        let mut bytes = [0; JOB_BYTES];
        let (numbers, digest) = bytes.split_at_mut(JOB_BYTES - FsverityDigest::BYTES_MAX);
        for (part, word) in numbers.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *part = word.to_ne_bytes();
        }
        let known = self.fsverity.as_ref().map_or(&[][..], FsverityDigest::bytes);
        digest.iter_mut().zip(known).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Decodes a job. Returns `None` for bytes that are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, digest) = bytes.split_at_checked(JOB_BYTES - FsverityDigest::BYTES_MAX)?;
        let [number, bytes_per_second, size, times @ .., algorithm] =
            <[[u8; 8]; 8]>::try_from(numbers.as_chunks::<8>().0).ok()?.map(u64::from_ne_bytes);
        let [mtime, mtime_ns, ctime, ctime_ns] = times.map(u64::cast_signed);
        let (mtime, ctime) = ((mtime, mtime_ns), (ctime, ctime_ns));
        let fsverity = match algorithm {
            0 => None,
            number => {
                let algorithm = FsverityAlgorithm::from_raw(u16::try_from(number).ok()?)?;
                Some(FsverityDigest::new(algorithm, digest.get(..algorithm.size())?)?)
            }
        };
        let job = Self { number, bytes_per_second, size, mtime, ctime, fsverity };
        (bytes.len() == JOB_BYTES).then_some(job)
    }
}

/// The result of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashAnswer {
    /// Number of the job.
    pub number: u64,
    /// The digest, or why there is none.
    pub result: Result<HashedFile, DigestGap>,
}

/// The digest of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashedFile {
    /// The digest.
    pub sha256: Sha256Digest,
    /// Whether the change time of the file was the same all the time, or its content cannot change.
    pub is_unchanged: bool,
    /// Whether the file was read, and not known by its fs-verity digest.
    pub is_read: bool,
}

impl HashAnswer {
    /// Encodes the answer.
    #[must_use]
    pub fn encode(&self) -> [u8; ANSWER_BYTES] {
        let mut bytes = [0; ANSWER_BYTES];
        let (number, rest) = bytes.split_at_mut(8);
        number.copy_from_slice(&self.number.to_ne_bytes());
        if let Some((state, digest)) = rest.split_first_mut() {
            match self.result {
                Ok(HashedFile { sha256: Sha256Digest(of_file), is_unchanged, is_read }) => {
                    *state = match (is_unchanged, is_read) {
                        (false, _) => CHANGED,
                        (true, true) => 0,
                        (true, false) => KNOWN,
                    };
                    digest.copy_from_slice(&of_file);
                }
                Err(gap) => *state = code(gap),
            }
        }
        bytes
    }

    /// Decodes an answer. Returns `None` for bytes that are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        let (&state, digest) = rest.split_first()?;
        let sha256 = Sha256Digest(digest.try_into().ok()?);
        let result = match state {
            0 | CHANGED | KNOWN => {
                Ok(HashedFile { sha256, is_unchanged: state != CHANGED, is_read: state != KNOWN })
            }
            state => Err(DigestGap::ALL.into_iter().find(|&gap| code(gap) == state)?),
        };
        Some(Self { number: u64::from_ne_bytes(*number), result })
    }
}

/// State of the digest of a file whose change time moved.
const CHANGED: u8 = 7;
/// State of a digest that was known by that of fs-verity.
const KNOWN: u8 = 9;

fn code(gap: DigestGap) -> u8 {
    match gap {
        DigestGap::TooLarge => 1,
        DigestGap::Busy => 2,
        DigestGap::Remote => 3,
        DigestGap::Unstable => 4,
        DigestGap::Changed => 5,
        DigestGap::Failed => 6,
        DigestGap::TracegoEnded => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_answers_are_read_as_they_are_written() {
        let job = HashJob {
            number: 7,
            bytes_per_second: 9,
            size: 1 << 40,
            mtime: (3, 4),
            ctime: (-5, 999_999_999),
            fsverity: None,
        };
        let with =
            |algorithm, bytes: &[u8]| HashJob { fsverity: FsverityDigest::new(algorithm, bytes), ..job };
        for job in [job, with(FsverityAlgorithm::Sha256, &[3; 32]), with(FsverityAlgorithm::Sha512, &[4; 64])]
        {
            assert_eq!(HashJob::decode(&job.encode()), Some(job));
            assert_eq!(HashJob::decode(&job.encode()[1..]), None);
        }
        let mut unknown = job.encode();
        unknown[56..64].copy_from_slice(&3_u64.to_ne_bytes());
        assert_eq!(HashJob::decode(&unknown), None, "an algorithm of the future");
        let hashed =
            |(is_unchanged, is_read)| Ok(HashedFile { sha256: Sha256Digest([7; 32]), is_unchanged, is_read });
        let states = [(true, true), (false, true), (true, false)].map(hashed);
        let results = DigestGap::ALL.map(Err).into_iter().chain(states);
        for result in results {
            let answer = HashAnswer { number: 3, result };
            assert_eq!(HashAnswer::decode(&answer.encode()), Some(answer));
            assert_eq!(HashAnswer::decode(&answer.encode()[1..]), None);
        }
        let mut unknown = HashAnswer { number: 3, result: Err(DigestGap::Busy) }.encode();
        unknown[8] = 99;
        assert_eq!(HashAnswer::decode(&unknown), None);
    }
}
