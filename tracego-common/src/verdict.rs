//! Rules that the kernel side decides by itself, and what it says about a decision.
//!
//! A rule is a bit. What a program start shows (its executable, an argument, a user) is looked up once each,
//! and gives the rules that allow for it; their intersection is what matches, and the lowest bit decides. So
//! the cost does not grow with the number of rules.

use core::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::record::Header;

/// Rules in force at one time.
pub const RULES_MAX: u32 = 64;
/// Arguments that a rule can name: `argv[1]` and those that follow.
pub const ARGS: usize = 3;
/// Bytes of a file name that are compared, its NUL included; names are cut to that.
pub const NAME_LEN: usize = 64;
/// Bytes of an argument that are compared, its NUL included.
pub const ARG_LEN: usize = 60;
/// Bytes of a slot of [`Verdict::args`].
pub const SLOT_LEN: usize = 64;
/// Bytes of an executable's path that are compared, as names from the file to its root.
pub const PATH_LEN: usize = 248;
/// Bytes of argv that a remembered verdict is about.
pub const ARGV_LEN: usize = 256;
/// Entries of each table of keys, for two sets of rules.
pub const KEYS_MAX: u32 = 2048;
/// Remembered verdicts.
pub const REMEMBERED_MAX: u32 = 8192;

/// What the rules of a set have in common; one bit a rule, the first rule at the lowest.
///
/// There are two sets: one is filled while the other decides, then a single write exchanges them. What is written is
/// the number of the rules, whose lowest bit is their set (see [`set`]).
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct Rules {
    /// Rules in force.
    pub active: u64,
    /// Those that let a start through that later ones would stop.
    pub allow: u64,
    /// Those that end the process before its first instruction.
    pub kill: u64,
    /// Those that let execve fail, where the kernel allows it; elsewhere they kill.
    pub deny: u64,
    /// Those that say nothing about the executable.
    pub any_exe: u64,
    /// Those that say nothing about the argument at this place of argv; all of them for the first.
    pub any_arg: [u64; ARGS + 1],
    /// Those that are about processes of a job alone.
    pub in_job: u64,
    /// Those that say nothing about the user.
    pub any_uid: u64,
    /// Those that say nothing about the cgroup.
    pub any_cgroup: u64,
    /// Those that are taken to match an argument that cannot be read.
    pub unreadable: u64,
    /// Those that name an executable by its path: zero spares the walk along it.
    pub by_path: u64,
    /// Verdicts that are remembered; zero spares the look.
    pub remembered: u64,
}

/// The set of the rules with a number.
#[inline(always)]
#[must_use]
pub fn set(number: u8) -> u32 {
    (number & 1) as u32
}

/// A file name of an executable.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct NameKey {
    /// Which set.
    pub set: u32,
    /// Explicit padding, zero.
    pub pad: u32,
    /// Zero padded.
    pub name: [u8; NAME_LEN],
}

/// An executable by its inode.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct ExeKey {
    /// Inode number.
    pub inode: u64,
    /// Device, kernel encoding (20 bits minor).
    pub dev: u32,
    /// Which set.
    pub set: u32,
}

/// A number that a process has.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct NumberKey {
    /// The number.
    pub number: u64,
    /// What it is: [`UID`] or [`CGROUP`].
    pub what: u32,
    /// Which set.
    pub set: u32,
}

/// [`NumberKey::what`]: the real user id.
pub const UID: u32 = 0;
/// [`NumberKey::what`]: the cgroup's id.
pub const CGROUP: u32 = 1;

/// An argument, or the start of one: the data of a longest-prefix lookup.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct ArgKey {
    /// Which set.
    pub set: u16,
    /// Its place in argv.
    pub place: u16,
    /// Its bytes; a whole argument includes its NUL.
    pub bytes: [u8; ARG_LEN],
}

/// A path, likewise.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct PathKey {
    /// Which set.
    pub set: u32,
    /// Names from the file to its root, each ended by a NUL.
    pub names: [u8; PATH_LEN],
}

/// What a remembered verdict is about: the same file, started in the same way by the same user in the same job.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct StartKey {
    /// Inode number.
    pub inode: u64,
    /// Change time, ns since 1970.
    pub ctime_ns: u64,
    /// [`argv_hash`] of the first [`ARGV_LEN`] bytes.
    pub argv: u64,
    /// Bytes of the whole argv.
    pub argv_total: u64,
    /// cgroup.
    pub cgroup_id: u64,
    /// Start of the process that opened the job; 0 without.
    pub job_start: u64,
    /// Device.
    pub dev: u32,
    /// Real user id.
    pub uid: u32,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u32)]
pub enum Action {
    /// Let through, by an exception.
    Allow = 1,
    /// Let through, and told.
    Audit = 2,
    /// Ended before its first instruction.
    Kill = 3,
    /// execve failed with EPERM.
    Deny = 4,
}

impl Action {
    /// The only door from the wire.
    #[must_use]
    pub fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            1 => Some(Self::Allow),
            2 => Some(Self::Audit),
            3 => Some(Self::Kill),
            4 => Some(Self::Deny),
            _ => None,
        }
    }
}

/// [`Verdict::bit`] of a remembered verdict.
pub const REMEMBERED: u64 = 0;

/// A decision: tells of it, and is made whether or not there is room for the telling.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Verdict {
    /// The common start; the process that starts the program. Its flags say which rules decided.
    pub header: Header,
    /// The rule, as its bit, or [`REMEMBERED`].
    pub bit: u64,
    /// An [`Action`].
    pub action: u32,
    /// errno of a signal that could not be sent; 0 otherwise.
    pub errno: u32,
    /// Of a remembered verdict: what the agent gave with it.
    pub number: u32,
    /// Explicit padding, zero.
    pub pad: u32,
    /// Name of the task.
    pub comm: [u8; 16],
    /// File name of the executable, zero padded.
    pub name: [u8; NAME_LEN],
    /// The first arguments, each ended by a NUL: as they follow each other in the new image or, of
    /// [`Action::Deny`], each cut to a slot of [`SLOT_LEN`] bytes.
    pub args: [u8; SLOT_LEN * (ARGS + 1)],
}

/// Mixes eight bytes into a hash (as FxHash does, with the rotation before).
#[inline(always)]
#[must_use]
pub fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// The hash of the first bytes of argv, zero padded.
#[must_use]
pub fn argv_hash(bytes: &[u64; ARGV_LEN / 8]) -> u64 {
    bytes.iter().fold(0, |hash, &word| mix(hash, word))
}

const _: () = assert!(size_of::<Rules>() == 120);
const _: () = assert!(size_of::<NameKey>() == 72);
const _: () = assert!(size_of::<ExeKey>() == 16);
const _: () = assert!(size_of::<ArgKey>() == 64);
const _: () = assert!(size_of::<PathKey>() == 252);
const _: () = assert!(size_of::<StartKey>() == 56);
const _: () = assert!(size_of::<Verdict>() == 432);
