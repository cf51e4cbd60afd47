//! Tamper evidence for JSON logs: writing sealed logs (`--seal`) and checking them (`tracego verify-log`).
//!
//! Each line of a sealed run ends with `"chain":"<link>"}}`, the last member of its `tracego` object:
//!
//! ```text
//! link 0 = SHA-256("tracego.seal/1\n" ‖ nonce)
//! link n = SHA-256(link n-1 ‖ the line up to `,"chain":"`)
//! ```
//!
//! A link covers its own line and all lines before it, so a change is found at the changed line, whether or
//! not a seal follows. The random nonce is in the first record, `tracego.seal.opened`: two runs cannot be
//! spliced. A record that a full disk cut off has a line of its own and is linked as SHA-256(link ‖ "\n" ‖
//! bytes).
//!
//! A `tracego.seal` record describes its window, job or run: the counts of the ledger, the range of sequence
//! numbers, and the link of the last line that it covers. With a key, seals and the first record carry
//! `"signature"` ahead of `"chain"`: Ed25519 over 25 and 32 bytes,
//!
//! ```text
//! "tracego.seal.signature/1\n" ‖ SHA-256(link n-1 ‖ the line up to `,"signature":"`)
//! ```
//!
//! No JSON has to be brought into a canonical form, and the link covers the signature.
//!
//! The file of a sink (`seal = true`) has a chain of its own, made where its lines are written: only there is
//! it known which lines a filter, a queue or a full disk left out. A new chain begins when the sink starts,
//! and when the end of the file is not the last line that this chain wrote; its first record names the line
//! that it follows. Each line has `"chain_seq":<n>` ahead of its link, counted from 1 without gaps, because
//! `seq` has gaps there and repeats after a crash. Seals of a sink count only lines. A job is sealed when a
//! window has no line of it, and at the end: lines do not show whether a job still runs. Seals of the run
//! (`--seal`) are ordinary records in such a file.
//!
//! A key may [evolve](evolving): `"next_key"` in a signed record is the public key of the next epoch, and the
//! key of an epoch is erased when a seal that it signed is in the log. The first record of a run then has the
//! number of the run, and the link of a signed record of the run before: runs cannot be left out.
//!
//! Without a key, a seal shows accidents, and changes by people who do not know the format: anybody can
//! compute a chain. A cut-off end can only be detected with the help of the place where the log is kept.

pub mod before;
pub mod chain;
pub mod evolving;
pub mod key;
pub mod tally;
pub mod verify;
pub mod window;

use std::{
    fs::File,
    io::{self, Read as _},
};

use chain::LINK;

/// Returns a random nonce for the start of a chain.
///
/// # Errors
/// Fails if `/dev/urandom` cannot be read.
pub fn nonce() -> io::Result<[u8; LINK]> {
    let mut nonce = [0; LINK];
    File::open("/dev/urandom")?.read_exact(&mut nonce)?;
    Ok(nonce)
}
