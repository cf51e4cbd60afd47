//! An evolving key: each epoch has an Ed25519 key of its own, and the key of an epoch is erased when it ends.
//!
//! Each signed record names the public key of the next epoch. Whoever has the public key of the first epoch
//! can follow the log to its end, and whoever takes the machine over later has no key for what was sealed
//! before. The keys are random and independent: a chain of signatures binds them, no derivation.
//!
//! The file has two slots in blocks of their own. The new state is written to one, synced, and only then is
//! the other one overwritten with zeros: a crash at any moment leaves a key that the log knows. An epoch ends
//! when a seal, or the first record of a run, is in the log.
//!
//! ```text
//! magic 8 | generation u64 | epoch u64 | run u64 | key 32 | next key 32 | head 32 | SHA-256 of these
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use ed25519_dalek::SigningKey;
use tracego_model::record::seal::KeyEpoch;

use super::{
    chain::{LINK, Link, digest, hex},
    key::PublicKey,
    nonce,
};

const MAGIC: [u8; 8] = *b"TGOSEALK";
/// Bytes from one slot to the next.
const PAGE: usize = 4096;
const SLOT: usize = 160;
/// Time to wait for the lock, which a process that ends keeps a little longer.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// The content of the file.
#[derive(Clone)]
struct KeyState {
    generation: u64,
    epoch: u64,
    run: u64,
    current: SigningKey,
    next: SigningKey,
    head: [u8; LINK],
}

impl KeyState {
    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.run.to_le_bytes());
        bytes[32..64].copy_from_slice(self.current.as_bytes());
        bytes[64..96].copy_from_slice(self.next.as_bytes());
        bytes[96..128].copy_from_slice(&self.head);
        let sum = digest(&bytes[..128]);
        bytes[128..].copy_from_slice(&sum);
        bytes
    }

    fn decode(bytes: &[u8; SLOT]) -> Option<Self> {
        let (content, sum) = bytes.split_at(128);
        let number = |at: usize| content.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let part = |at: usize| content.get(at..at + 32)?.try_into().ok();
        let valid = content.starts_with(&MAGIC) && digest(content) == sum;
        valid.then_some(())?;
        Some(Self {
            generation: number(8)?,
            epoch: number(16)?,
            run: number(24)?,
            current: SigningKey::from_bytes(&part(32)?),
            next: SigningKey::from_bytes(&part(64)?),
            head: part(96)?,
        })
    }

    fn slot(&self) -> u64 {
        slot(self.generation)
    }
}

/// Returns the offset of the slot of a generation.
fn slot(generation: u64) -> u64 {
    (generation % 2) * PAGE as u64
}

/// Reads the newest state of a file.
fn read_state(file: &File) -> anyhow::Result<KeyState> {
    let slots = [0, PAGE as u64].map(|at| {
        let mut bytes = [0; SLOT];
        file.read_exact_at(&mut bytes, at).ok().and_then(|()| KeyState::decode(&bytes))
    });
    let state = slots.into_iter().flatten().max_by_key(|state| state.generation);
    state.context("the key is damaged; create another one with `tracego seal-key`")
}

/// An evolving key that is in use.
pub(super) struct EvolvingKey {
    file: File,
    id: (u64, u64),
    /// Output whose seals it signs.
    log: PathBuf,
    state: Mutex<KeyState>,
}

/// Keys that this process has open. A changed sink opens its key before the old one has closed it.
static OPEN: Mutex<Vec<Weak<EvolvingKey>>> = Mutex::new(Vec::new());

impl EvolvingKey {
    /// Creates a file with a new key. Returns the public key of its first epoch.
    pub(super) fn create(path: &Path) -> anyhow::Result<PublicKey> {
        let (current, next) = (SigningKey::from_bytes(&nonce()?), SigningKey::from_bytes(&nonce()?));
        let public = PublicKey::from(&current);
        let state = KeyState { generation: 1, epoch: 0, run: 0, current, next, head: [0; LINK] };
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all_at(&vec![0; 2 * PAGE], 0)?;
        file.write_all_at(&state.encode(), state.slot())?;
        file.sync_all()?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(public)
    }

    /// Returns whether a file is that of an evolving key.
    pub(super) fn is_one(file: &File) -> io::Result<bool> {
        let starts = |at: u64| {
            let mut magic = [0; MAGIC.len()];
            match file.read_exact_at(&mut magic, at) {
                Ok(()) => Ok(magic == MAGIC),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                Err(error) => Err(error),
            }
        };
        Ok(starts(0)? || starts(PAGE as u64)?)
    }

    /// Opens the file for the seals of one output, and locks it.
    pub(super) fn open(path: &Path, log: &Path) -> anyhow::Result<Arc<Self>> {
        let about = fs::metadata(path)?;
        let id = (about.dev(), about.ino());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|key| key.strong_count() > 0);
        if let Some(known) = open.iter().filter_map(Weak::upgrade).find(|known| known.id == id) {
            if known.log != log {
                bail!(
                    "it signs the seals of {}; each output needs an evolving key of its own",
                    known.log.display()
                );
            }
            return Ok(known);
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let state = read_state(&file)?;
        let key = Self { file, id, log: log.to_owned(), state: Mutex::new(state.clone()) };
        // A crash may have left the slot of an earlier epoch.
        key.erase(slot(state.generation + 1))?;
        let key = Arc::new(key);
        open.push(Arc::downgrade(&key));
        Ok(key)
    }

    /// Checks that the file has a key, without locking or changing it.
    pub(super) fn check(file: &File) -> anyhow::Result<()> {
        read_state(file).map(drop)
    }

    fn state(&self) -> MutexGuard<'_, KeyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the key that signs now.
    pub(super) fn signing_key(&self) -> SigningKey {
        self.state().current.clone()
    }

    pub(super) fn epoch(&self) -> KeyEpoch {
        let state = self.state();
        KeyEpoch { epoch: state.epoch, next_key: hex(state.next.verifying_key().as_bytes()) }
    }

    /// Returns the number of the run that begins now, and the link of a signed record of the one before.
    pub(super) fn next_run(&self) -> (u64, Option<Link>) {
        let state = self.state();
        (state.run.saturating_add(1), (state.head != [0; LINK]).then_some(Link(state.head)))
    }

    /// Begins the next epoch. The key of this one is erased, unless that fails.
    pub(super) fn advance(&self, link: Link, opens: bool) -> io::Result<()> {
        let mut state = self.state();
        let new = KeyState {
            generation: state.generation + 1,
            epoch: state.epoch + 1,
            run: state.run.saturating_add(u64::from(opens)),
            current: state.next.clone(),
            next: SigningKey::from_bytes(&nonce()?),
            head: link.0,
        };
        self.file.write_all_at(&new.encode(), new.slot())?;
        self.file.sync_data()?;
        let old = state.slot();
        *state = new;
        self.erase(old)
    }

    fn erase(&self, slot: u64) -> io::Result<()> {
        self.file.write_all_at(&[0; SLOT], slot)?;
        self.file.sync_data()
    }
}

fn lock(file: &File) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                bail!("another process signs with it; each log needs an evolving key of its own")
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Creates the file of an evolving key. Returns the public key of its first epoch, which verifies all seals.
///
/// # Errors
/// Fails if the file exists or cannot be written.
pub fn create(path: &Path) -> anyhow::Result<PublicKey> {
    EvolvingKey::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_ended_leaves_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let first = create(&path).unwrap();
        assert!(create(&path).is_err());
        let key = EvolvingKey::open(&path, Path::new("log")).unwrap();
        assert!(EvolvingKey::open(&path, Path::new("other")).is_err());
        assert!(Arc::ptr_eq(&key, &EvolvingKey::open(&path, Path::new("log")).unwrap()));
        let mut secrets = Vec::new();
        assert_eq!(PublicKey::from(&key.signing_key()).id(), first.id());
        for n in 1..=5 {
            let (epoch, secret) = (key.epoch(), key.signing_key());
            secrets.push(secret.to_bytes());
            key.advance(Link([n; LINK]), n == 1).unwrap();
            assert_eq!(epoch.next_key, PublicKey::from(&key.signing_key()).to_hex());
            assert_eq!((key.epoch().epoch, key.next_run()), (u64::from(n), (2, Some(Link([n; LINK])))));
            let bytes = fs::read(&path).unwrap();
            let holds = |secret: &[u8; 32]| bytes.windows(32).any(|window| window == secret);
            assert!(!secrets.iter().any(holds) && holds(&key.signing_key().to_bytes()));
        }
        let (epoch, secret) = (key.epoch(), key.signing_key());
        drop(key);
        let key = EvolvingKey::open(&path, Path::new("other")).unwrap();
        assert_eq!((key.epoch(), key.signing_key()), (epoch, secret));
    }

    #[test]
    fn a_crash_at_any_moment_leaves_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let key = EvolvingKey::open(&path, Path::new("log")).unwrap();
        let first = key.signing_key();
        key.advance(Link([1; LINK]), true).unwrap();
        let second = key.signing_key();
        drop(key);
        let after = fs::read(&path).unwrap();
        // The new slot half written, and both slots there.
        let (old, new) =
            before.split_at(PAGE).0.to_vec().into_iter().zip(after.clone()).unzip::<u8, u8, Vec<_>, Vec<_>>();
        assert!(old.iter().all(|&byte| byte == 0) && new.starts_with(&MAGIC));
        for (len, expected) in [(0, &first), (70, &first), (SLOT, &second)] {
            let mut bytes = before.clone();
            bytes[..len].copy_from_slice(&after[..len]);
            fs::write(&path, bytes).unwrap();
            let key = EvolvingKey::open(&path, Path::new("log")).unwrap();
            assert_eq!(&key.signing_key(), expected, "{len}");
        }
        fs::write(&path, [&MAGIC[..], &[1; 5000]].concat()).unwrap();
        assert!(EvolvingKey::open(&path, Path::new("log")).is_err());
    }
}
