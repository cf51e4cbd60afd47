//! A pool of threads for jobs that do not use the whole machine on their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow};

/// Returns the number of available CPUs.
pub(crate) fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs a job for each item, several at once. Returns the results in the order of the items. After an error
/// no new job is started; running jobs finish first.
pub(crate) fn all<W: Sync, R: Send>(
    work: &[W],
    at_once: usize,
    job: impl Fn(&W) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(work) = work.get(number) else { return Ok(done) };
            match job(work) {
                Ok(result) => done.push((number, result)),
                Err(error) => {
                    next.store(usize::MAX / 2, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let done: Vec<Result<Vec<_>>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?).collect()
    });
    let mut results = Vec::new();
    for part in done {
        results.extend(part?);
    }
    results.sort_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_work_and_an_error_is_one() {
        for at_once in [0, 1, 3, 9] {
            let work = [0, 1, 2, 3, 4, 5];
            assert_eq!(all(&work, at_once, |n| Ok(n * 2)).unwrap(), [0, 2, 4, 6, 8, 10]);
            let job = |n: &i32| if *n == 4 { Err(anyhow!("four")) } else { Ok(*n) };
            assert_eq!(all(&work, at_once, job).unwrap_err().to_string(), "four");
        }
    }
}
