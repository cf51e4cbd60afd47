//! The work of the process that hashes files.

use std::{
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tracego_model::input::digest::{DigestGap, Sha256Digest};

use super::{
    channel,
    job::{HashAnswer, HashJob, HashedFile},
};

/// Bytes that are read at once.
const PORTION: usize = 256 << 10;

/// Hashes the files that come through `work` until no more can come.
///
/// # Errors
/// Fails if the workers or the agent have gone.
pub fn serve(work: &OwnedFd, results: &OwnedFd) -> io::Result<()> {
    let mut buffer = vec![0; PORTION];
    loop {
        let Some((job, file)) = channel::take(work)? else { continue };
        let result = hash(&job, &file, &mut buffer);
        channel::answer(results, &HashAnswer { number: job.number, result })?;
    }
}

/// Returns whether a file has the change time of its job.
fn is_unchanged(job: &HashJob, file: &File) -> Result<bool, DigestGap> {
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

/// Hashes a file, no faster than its job says.
fn hash(job: &HashJob, file: &File, buffer: &mut [u8]) -> Result<HashedFile, DigestGap> {
    is_unchanged(job, file)?;
    let (start, mut hasher, mut left) = (Instant::now(), Sha256::new(), job.size);
    let mut position = 0;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let portion = buffer.get_mut(..wanted).ok_or(DigestGap::Failed)?;
        let read = match file.read_at(portion, position) {
            Ok(0) => return Err(DigestGap::Changed),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(DigestGap::Failed),
        };
        hasher.update(portion.get(..read).unwrap_or_default());
        let read = read as u64;
        (position, left) = (position + read, left.saturating_sub(read));
        wait(start, position, job.bytes_per_second);
    }
    let sha256 = Sha256Digest(hasher.finalize().into());
    Ok(HashedFile { sha256, is_unchanged: is_unchanged(job, file)? })
}

/// Waits until so many bytes may have been read since the start.
fn wait(start: Instant, bytes: u64, bytes_per_second: u64) {
    let due = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_second.max(1));
    let due = Duration::from_nanos(u64::try_from(due).unwrap_or(u64::MAX));
    // Short waits cost more than they spare.
    let early = due.saturating_sub(start.elapsed());
    if early > Duration::from_millis(2) {
        std::thread::sleep(early);
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::MetadataExt as _};

    use super::*;
    use crate::inspect::digest::channel::HashSockets;

    fn job(number: u64, file: &File) -> HashJob {
        let found = file.metadata().unwrap();
        let (mtime, ctime) = ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
        HashJob { number, bytes_per_second: 1 << 40, size: found.size(), mtime, ctime }
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
            match channel::next(&answers) {
                Some(answer) => found
                    .push((answer.number, answer.result.map(|of| (of.sha256.to_string(), of.is_unchanged)))),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
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
        assert_eq!(found, wanted);
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
