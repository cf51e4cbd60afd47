//! The work of the process that hashes files.

use std::{
    fs::File,
    io,
    num::NonZeroUsize,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    time::{Duration, Instant},
};

use lru::LruCache;
use sha2::{Digest as _, Sha256};
use tracego_model::input::{
    digest::{DigestGap, Sha256Digest},
    fsverity::FsverityDigest,
};

use super::{
    channel,
    job::{HashAnswer, HashJob, HashedFile},
};

/// Bytes that are read at once.
const PORTION: usize = 256 << 10;
/// Maximum number of files that are open at a time. Of more, the one that would be done last gets no digest.
const FILES_MAX: usize = 256;

/// Maximum number of digests that are known by those of fs-verity.
const FIXED_MAX: NonZeroUsize = match NonZeroUsize::new(32 << 10) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// A file of which a part is hashed.
struct HashedPart {
    job: HashJob,
    file: File,
    hasher: Sha256,
    position: u64,
}

/// Hashes the files that come through `work` until no more can come. Of several, the one goes on that is done first, so
/// that a large file does not hold up small ones.
///
/// # Errors
/// Fails if the workers or the agent have gone.
pub fn serve(work: &OwnedFd, results: &OwnedFd) -> io::Result<()> {
    let mut buffer = vec![0; PORTION];
    let mut files: Vec<HashedPart> = Vec::new();
    let mut pace = Pace::default();
    let mut fixed: LruCache<FsverityDigest, Sha256Digest> = LruCache::new(FIXED_MAX);
    loop {
        if files.is_empty() {
            pace = Pace::default();
        }
        while let Some(taken) = channel::take(work, files.is_empty())? {
            let Some((job, file)) = taken else { continue };
            if let Some(&sha256) = job.fsverity.and_then(|fsverity| fixed.get(&fsverity)) {
                let known = HashedFile { sha256, is_unchanged: true, is_read: false };
                channel::answer(results, &HashAnswer { number: job.number, result: Ok(known) })?;
                continue;
            }
            match is_unchanged(&job, &file) {
                Ok(_) => files.push(HashedPart { job, file, hasher: Sha256::new(), position: 0 }),
                Err(gap) => channel::answer(results, &HashAnswer { number: job.number, result: Err(gap) })?,
            }
            if files.len() > FILES_MAX
                && let Some(at) = (0..files.len()).max_by_key(|&at| files.get(at).map_or(0, left))
            {
                let HashedPart { job, .. } = files.swap_remove(at);
                let result = Err(DigestGap::Busy);
                channel::answer(results, &HashAnswer { number: job.number, result })?;
            }
        }
        let Some(at) = (0..files.len()).min_by_key(|&at| files.get(at).map_or(0, left)) else { continue };
        let Some(part) = files.get_mut(at) else { continue };
        let before = part.position;
        if let Some(result) = part.go_on(&mut buffer) {
            let HashJob { number, fsverity, .. } = part.job;
            files.swap_remove(at);
            if let (Some(fsverity), Ok(hashed)) = (fsverity, result) {
                fixed.put(fsverity, hashed.sha256);
            }
            channel::answer(results, &HashAnswer { number, result })?;
        } else {
            pace.wait(part.position - before, part.job.bytes_per_second);
        }
    }
}

/// Returns the number of bytes that are not hashed yet.
fn left(part: &HashedPart) -> u64 {
    part.job.size.saturating_sub(part.position)
}

impl HashedPart {
    /// Hashes the next portion. Returns the result if it was the last.
    fn go_on(&mut self, buffer: &mut [u8]) -> Option<Result<HashedFile, DigestGap>> {
        let left = self.job.size.saturating_sub(self.position);
        if left == 0 {
            let sha256 = Sha256Digest(std::mem::take(&mut self.hasher).finalize().into());
            let is_unchanged = is_unchanged(&self.job, &self.file);
            return Some(is_unchanged.map(|is_unchanged| HashedFile { sha256, is_unchanged, is_read: true }));
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(portion) = buffer.get_mut(..wanted) else { return Some(Err(DigestGap::Failed)) };
        match self.file.read_at(portion, self.position) {
            Ok(0) => return Some(Err(DigestGap::Changed)),
            Ok(read) => {
                self.hasher.update(portion.get(..read).unwrap_or_default());
                self.position += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Some(Err(DigestGap::Failed)),
        }
        None
    }
}

/// Returns whether a file has the change time of its job, or a content that cannot change.
fn is_unchanged(job: &HashJob, file: &File) -> Result<bool, DigestGap> {
    if job.fsverity.is_some() {
        return Ok(true);
    }
    // Not statx(2), which the filter of system calls refuses.
    let found = rustix::fs::fstat(file).map_err(|_| DigestGap::Failed)?;
    let ns = |ns| i64::try_from(ns).unwrap_or_default();
    let (mtime, ctime) =
        ((found.st_mtime, ns(found.st_mtime_nsec)), (found.st_ctime, ns(found.st_ctime_nsec)));
    if (found.st_size.cast_unsigned(), mtime) != (job.size, job.mtime) {
        return Err(DigestGap::Changed);
    }
    // It moves when the file is removed, too, as `go run` does with what it built.
    Ok(ctime == job.ctime)
}

/// The bytes that were read since there is work.
struct Pace {
    start: Instant,
    bytes: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { start: Instant::now(), bytes: 0 }
    }
}

impl Pace {
    /// Waits until so many more bytes may have been read.
    fn wait(&mut self, bytes: u64, bytes_per_second: u64) {
        self.bytes += bytes;
        let due = u128::from(self.bytes) * 1_000_000_000 / u128::from(bytes_per_second.max(1));
        let due = Duration::from_nanos(u64::try_from(due).unwrap_or(u64::MAX));
        // Short waits cost more than they spare.
        let early = due.saturating_sub(self.start.elapsed());
        if early > Duration::from_millis(2) {
            std::thread::sleep(early);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::MetadataExt as _};

    use tracego_model::input::fsverity::FsverityAlgorithm;

    use super::*;
    use crate::inspect::digest::channel::HashSockets;

    fn job(number: u64, file: &File) -> HashJob {
        let found = file.metadata().unwrap();
        let (mtime, ctime) = ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
        HashJob { number, bytes_per_second: 1 << 40, size: found.size(), mtime, ctime, fsverity: None }
    }

    #[test]
    fn files_are_hashed_in_turn_and_one_that_changed_is_not() {
        let HashSockets { files, work, results, answers } = HashSockets::new().unwrap();
        let hasher = std::thread::spawn(move || serve(&work, &results));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        channel::hand(&files, &job(1, &file), &file).unwrap();
        let empty = tempfile::tempfile().unwrap();
        channel::hand(&files, &job(2, &empty), &empty).unwrap();
        channel::hand(&files, &HashJob { size: 4, ..job(3, &file) }, &file).unwrap();
        channel::hand(&files, &HashJob { mtime: (1, 2), ..job(4, &file) }, &file).unwrap();
        channel::hand(&files, &HashJob { ctime: (1, 2), ..job(5, &file) }, &file).unwrap();
        let mut found = Vec::new();
        while found.len() < 5 {
            let answer = channel::next(&answers).unwrap().unwrap();
            found.push((answer.number, answer.result.map(|of| (of.sha256.to_string(), of.is_unchanged))));
        }
        // FIPS 180-4's example, and the digest of nothing.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let changed = Err(DigestGap::Changed);
        let found_as = |digest: &str, is_unchanged| Ok((digest.to_owned(), is_unchanged));
        let wanted = [
            (1, found_as(abc, true)),
            (2, found_as(nothing, true)),
            (3, changed.clone()),
            (4, changed),
            (5, found_as(abc, false)),
        ];
        found.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(found, wanted);
        drop(files);
        assert!(hasher.join().unwrap().is_err());
    }

    #[test]
    fn large_files_do_not_keep_others_out() {
        let HashSockets { files, work, results, answers } = HashSockets::new().unwrap();
        let hasher = std::thread::spawn(move || serve(&work, &results));
        let large = tempfile::tempfile().unwrap();
        large.set_len(16 << 30).unwrap();
        let last = u64::try_from(FILES_MAX).unwrap() + 1;
        for number in 1..=last {
            while channel::hand(&files, &job(number, &large), &large).is_err() {
                std::thread::yield_now();
            }
        }
        let next = || channel::next(&answers).unwrap().unwrap();
        assert_eq!(next(), HashAnswer { number: last, result: Err(DigestGap::Busy) });
        let mut small = tempfile::tempfile().unwrap();
        small.write_all(b"abc").unwrap();
        channel::hand(&files, &job(0, &small), &small).unwrap();
        assert_eq!(next().result, Err(DigestGap::Busy), "one more of the large ones");
        let answer = next();
        assert_eq!((answer.number, answer.result.is_ok()), (0, true));
        drop(files);
        assert!(hasher.join().unwrap().is_err());
    }

    #[test]
    fn a_content_that_cannot_change_is_read_once() {
        let HashSockets { files, work, results, answers } = HashSockets::new().unwrap();
        let hasher = std::thread::spawn(move || serve(&work, &results));
        let answer = |number, content: &[u8], digest: Option<u8>| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(content).unwrap();
            let fsverity =
                digest.map(|byte| FsverityDigest::new(FsverityAlgorithm::Sha256, &[byte; 32]).unwrap());
            // Times may change; the content may not.
            let ctime = if digest.is_some() { (1, 2) } else { job(0, &file).ctime };
            channel::hand(&files, &HashJob { fsverity, ctime, ..job(number, &file) }, &file).unwrap();
            let answer = channel::next(&answers).unwrap().unwrap();
            assert_eq!(answer.number, number);
            answer.result.unwrap()
        };
        let of = |content: &[u8]| Sha256Digest(Sha256::digest(content).into());
        let read = |content: &[u8], is_read| HashedFile { sha256: of(content), is_unchanged: true, is_read };
        assert_eq!(answer(1, b"a", Some(7)), read(b"a", true));
        // The file is not looked at.
        assert_eq!(answer(2, b"b", Some(7)), read(b"a", false));
        assert_eq!(answer(3, b"b", Some(8)), read(b"b", true));
        assert_eq!(answer(4, b"a", None), read(b"a", true));
        drop(files);
        assert!(hasher.join().unwrap().is_err());
    }

    #[test]
    fn a_small_file_does_not_wait_for_a_large_one() {
        let HashSockets { files, work, results, answers } = HashSockets::new().unwrap();
        let large = tempfile::tempfile().unwrap();
        large.set_len(64 << 20).unwrap();
        let mut small = tempfile::tempfile().unwrap();
        small.write_all(b"abc").unwrap();
        channel::hand(&files, &job(1, &large), &large).unwrap();
        channel::hand(&files, &job(2, &small), &small).unwrap();
        let hasher = std::thread::spawn(move || serve(&work, &results));
        let mut order = Vec::new();
        while order.len() < 2 {
            order.push(channel::next(&answers).unwrap().unwrap().number);
        }
        assert_eq!(order, [2, 1]);
        drop(files);
        assert!(hasher.join().unwrap().is_err());
    }

    #[test]
    fn files_that_have_no_room_are_refused() {
        let HashSockets { files, work: _work, .. } = HashSockets::new().unwrap();
        let file = tempfile::tempfile().unwrap();
        let job = job(1, &file);
        let refused = (0..100_000).find_map(|_| channel::hand(&files, &job, &file).err());
        assert!(refused.is_some());
    }
}
