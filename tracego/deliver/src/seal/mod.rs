//! The proof that a JSON log is whole (`--seal`), and what checks it (`tracego verify-log`).
//!
//! Each line of a sealed run ends with `"chain":"<link>"}}`, the last member of its `tracego` object:
//!
//! ```text
//! link 0 = SHA-256("tracego.seal/1\n" ‖ nonce)
//! link n = SHA-256(link n-1 ‖ the line up to `,"chain":"`)
//! ```
//!
//! So a line vouches for itself and for all lines before it, and what was changed is found at its own
//! line, whether or not a seal follows. The nonce is random and in the first record,
//! `tracego.seal.opened`: two runs cannot be spliced. What a full disk left of a record has a line of
//! its own, and is linked as SHA-256(link ‖ "\n" ‖ bytes).
//!
//! A `tracego.seal` record says what its window, job or run has: the counts of the ledger, the range of
//! sequence numbers, and the link behind the last line that it is about. With a key it and the first
//! record carry `"signature"` ahead of `"chain"`: Ed25519 over 25 and 32 bytes,
//!
//! ```text
//! "tracego.seal.signature/1\n" ‖ SHA-256(link n-1 ‖ the line up to `,"signature":"`)
//! ```
//!
//! so no JSON has to be brought into a canonical form, and the link covers the signature.
//!
//! The file of a sink (`seal = true`) has a chain of its own, made where the line is written: which lines a
//! filter, a queue or a full disk left out is known there alone. Each start of the sink opens one, as does
//! whatever else made the end of the file another than it was; it says which line it follows. Ahead of its link each line
//! has `"chain_seq":<n>`, counted from 1 without gaps, since `seq` has gaps there and comes twice after a crash. Its
//! seals count lines alone. Those of a job come when a window has no line of it, and at the end: lines do not tell
//! whether it runs. Seals of the run (`--seal`), which such a file may hold, are records like others there.
//!
//! Without a key a seal shows accidents, and changes by those who do not know how it is made: everybody
//! can compute a chain. Nothing but the place where the log is kept shows that its end was cut off.

pub mod before;
pub mod chain;
pub mod key;
pub mod tally;
pub mod verify;
pub mod window;

use std::{
    fs::File,
    io::{self, Read as _},
};

use chain::LINK;

/// Random, for the start of a chain.
///
/// # Errors
/// When there is no randomness.
pub fn nonce() -> io::Result<[u8; LINK]> {
    let mut nonce = [0; LINK];
    File::open("/dev/urandom")?.read_exact(&mut nonce)?;
    Ok(nonce)
}
