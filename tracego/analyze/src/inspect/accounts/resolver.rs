//! Users that are in no passwd file: those of LDAP, SSSD and other directories, through the system's resolver.
//!
//! A lookup can take as long as the network takes, so a thread does it. The first start of a user has no name, and
//! the following ones do.

use std::{
    ffi::CStr,
    mem::MaybeUninit,
    num::NonZeroUsize,
    ptr,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use lru::LruCache;

/// Maximum number of users that wait for the thread. Others are asked for again at their next start.
const WAITING: usize = 64;
/// Maximum number of users that are kept.
const KEPT: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};
/// Time after which a user is asked for again.
const AGAIN: Duration = Duration::from_secs(300);
/// Size of the buffer for an entry, in bytes.
const BUFFER: usize = 64 << 10;

type Answer = (u32, Option<Arc<str>>);

/// The names that were asked for, and the thread that asks.
#[derive(Default)]
pub(super) struct Resolver {
    thread: Option<(SyncSender<u32>, Receiver<Answer>)>,
    /// Whether the thread could not be started.
    failed: bool,
    known: AskedUsers,
}

/// The users that were asked for, each with its name if it has one, and the time of the question.
struct AskedUsers(LruCache<u32, (Option<Arc<str>>, Instant)>);

impl Default for AskedUsers {
    fn default() -> Self {
        Self(LruCache::new(KEPT))
    }
}

impl Resolver {
    /// Returns the name of a user if it is known. Otherwise, asks for it.
    pub(super) fn name(&mut self, id: u32, now: Instant) -> Option<Arc<str>> {
        if let Some((_, answers)) = &self.thread {
            while let Ok((id, name)) = answers.try_recv() {
                if let Some(known) = self.known.0.peek_mut(&id) {
                    known.0 = name;
                }
            }
        }
        let known = self.known.0.get(&id).cloned();
        let (name, asked) = known.unzip();
        if asked.is_none_or(|asked| now.saturating_duration_since(asked) >= AGAIN) && self.ask(id) {
            self.known.0.put(id, (name.clone().flatten(), now));
        }
        name.flatten()
    }

    /// Hands a user to the thread. Returns whether it was taken.
    fn ask(&mut self, id: u32) -> bool {
        if self.thread.is_none() && !self.failed {
            self.thread = start();
            self.failed = self.thread.is_none();
        }
        self.thread.as_ref().is_some_and(|(questions, _)| questions.try_send(id).is_ok())
    }
}

/// Starts the thread. It ends with the resolver.
fn start() -> Option<(SyncSender<u32>, Receiver<Answer>)> {
    let (questions, asked) = sync_channel::<u32>(WAITING);
    let (told, answers) = sync_channel::<Answer>(WAITING);
    let work = move || {
        for id in asked {
            if told.send((id, look_up(id))).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("users".into()).spawn(work).ok()?;
    Some((questions, answers))
}

/// Asks the system for the name of a user (getpwuid_r(3)).
fn look_up(id: u32) -> Option<Arc<str>> {
    let mut entry = MaybeUninit::<libc::passwd>::zeroed();
    let mut buffer = vec![0; BUFFER];
    let mut found = ptr::null_mut();
    // SAFETY: `entry` and `found` are valid for writes, and the buffer is as long as is said.
    let error = unsafe {
        libc::getpwuid_r(id, entry.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len(), &raw mut found)
    };
    if error != 0 || found.is_null() {
        return None;
    }
    // SAFETY: the call found a user, so it filled the entry; the name ends with a zero byte and lies in the buffer,
    // which lives until the end of this function.
    let name = unsafe { CStr::from_ptr((*found).pw_name) };
    let name = name.to_str().ok().filter(|name| !name.is_empty() && name.len() <= 256)?;
    Some(Arc::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_the_system_is_known_soon_and_one_of_nobody_is_not() {
        assert_eq!(look_up(0).as_deref(), Some("root"));
        assert_eq!(look_up(3_999_999_999), None);
        let (mut resolver, now) = (Resolver::default(), Instant::now());
        assert_eq!(resolver.name(0, now), None);
        let mut name = None;
        for _ in 0..500 {
            name = resolver.name(0, now);
            if name.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(name.as_deref(), Some("root"));
    }

    #[test]
    fn a_resolver_that_hangs_holds_up_nothing() {
        let (questions, asked) = sync_channel(WAITING);
        let (_told, answers) = sync_channel(WAITING);
        let mut resolver = Resolver { thread: Some((questions, answers)), ..Resolver::default() };
        let now = Instant::now();
        for id in 0..10_000 {
            assert_eq!(resolver.name(id, now), None);
        }
        // Only those that wait for the thread count as asked for.
        assert_eq!((asked.try_iter().count(), resolver.known.0.len()), (WAITING, WAITING));
    }
}
