//! Rules that the kernel side decides by, and the verdicts that it reports.
//!
//! A rule is one bit. Each property of a program start (executable, argument, user) is looked up once and
//! gives the set of rules that it satisfies. The intersection of these sets matches; the lowest bit decides.
//! The cost therefore does not grow with the number of rules.

use core::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::event::EventHeader;

/// Maximum number of rules in force at one time.
pub const RULES_MAX: u32 = 64;
/// Number of arguments that a rule can name, from `argv[1]` on.
pub const ARGS: usize = 3;
/// Bytes of a file name that are compared, its NUL included; longer names are cut.
pub const NAME_LEN: usize = 64;
/// Bytes of an argument that are compared, its NUL included.
pub const ARG_LEN: usize = 60;
/// Bytes of a slot of [`Verdict::args`].
pub const SLOT_LEN: usize = 64;
/// Bytes of an executable's path that are compared, as names from the file to its root.
pub const PATH_LEN: usize = 248;
/// Bytes of argv that the key of a remembered verdict covers.
pub const ARGV_LEN: usize = 256;
/// Entries of each table of keys, shared by two sets of rules.
pub const KEYS_MAX: u32 = 2048;
/// Maximum number of remembered verdicts.
pub const REMEMBERED_MAX: u32 = 8192;

/// The rules of a set, as masks: one bit per rule, the first rule lowest.
///
/// There are two sets. One is filled while the other decides; a single write then exchanges them. The written
/// value is the number of the rules, whose lowest bit selects their set (see [`set`]).
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct RuleMasks {
    /// Rules in force.
    pub active: u64,
    /// Rules that allow a start that later rules would stop.
    pub allow: u64,
    /// Rules that kill the process before its first instruction.
    pub kill: u64,
    /// Rules that make execve fail where the kernel supports it; elsewhere they kill.
    pub deny: u64,
    /// Rules that accept any executable.
    pub any_exe: u64,
    /// Rules that accept any argument at a position of argv; all rules at position 0.
    pub any_arg: [u64; ARGS + 1],
    /// Rules that apply only to processes of a job.
    pub in_job: u64,
    /// Rules that apply only to processes whose job another process opened.
    pub inherited_job: u64,
    /// Rules that accept any user.
    pub any_uid: u64,
    /// Rules that accept any cgroup.
    pub any_cgroup: u64,
    /// Rules that match an argument that cannot be read.
    pub unreadable: u64,
    /// Rules that name an executable by its path; zero skips the walk along the path.
    pub by_path: u64,
    /// Nonzero when verdicts are remembered; zero skips the lookup.
    pub remembered: u64,
}

/// Returns the index of the set that holds the rules with a number.
#[inline(always)]
#[must_use]
pub fn set(number: u8) -> u32 {
    (number & 1) as u32
}

/// A file name of an executable.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct NameKey {
    /// Index of the set of rules.
    pub set: u32,
    /// Explicit padding, zero.
    pub pad: u32,
    /// The name, zero padded.
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
    /// Index of the set of rules.
    pub set: u32,
}

/// A number of a process: a user id or a cgroup id.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct NumberKey {
    /// The number.
    pub number: u64,
    /// The kind of number: [`UID`] or [`CGROUP`].
    pub what: u32,
    /// Index of the set of rules.
    pub set: u32,
}

/// [`NumberKey::what`]: the real user id.
pub const UID: u32 = 0;
/// [`NumberKey::what`]: the cgroup's id.
pub const CGROUP: u32 = 1;

/// An argument, or the start of one, as data of a longest-prefix lookup.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct ArgKey {
    /// Index of the set of rules.
    pub set: u16,
    /// Position in argv.
    pub place: u16,
    /// Bytes of the argument; a whole argument includes its NUL.
    pub bytes: [u8; ARG_LEN],
}

/// A path, as data of a longest-prefix lookup.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct PathKey {
    /// Index of the set of rules.
    pub set: u32,
    /// Names from the file to its root, each ended by a NUL, and one NUL more.
    pub names: [u8; PATH_LEN],
}

/// The key of a remembered verdict: one file, started in the same way by the same user in the same job.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct VerdictKey {
    /// Inode number.
    pub inode: u64,
    /// Change time, ns since 1970.
    pub ctime_ns: u64,
    /// [`argv_hash`] of the first [`ARGV_LEN`] bytes.
    pub argv: u64,
    /// Bytes of the complete argv.
    pub argv_total: u64,
    /// cgroup id.
    pub cgroup_id: u64,
    /// Start time of the process that opened the job; 0 without a job.
    pub job_start: u64,
    /// Device.
    pub dev: u32,
    /// Real user id.
    pub uid: u32,
}

/// The action of a verdict.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u32)]
pub enum Action {
    /// The program runs, because an exception allows it.
    Allow = 1,
    /// The program runs, and the start is reported.
    Audit = 2,
    /// The process is killed before its first instruction.
    Kill = 3,
    /// execve failed with EPERM.
    Deny = 4,
}

impl Action {
    /// Returns the action with a number; `None` for an unknown one.
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

/// Value of [`Verdict::bit`] for a remembered verdict.
pub const REMEMBERED: u64 = 0;

/// The report of a decision. The decision takes effect even when the ring has no room for its report.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Verdict {
    /// The common header; `id` is the process that starts the program. The flags name the rules that decided.
    pub header: EventHeader,
    /// The bit of the rule that decided, or [`REMEMBERED`].
    pub bit: u64,
    /// The [`Action`], as a number.
    pub action: u32,
    /// The errno when the signal could not be sent; 0 otherwise.
    pub errno: u32,
    /// Number that the agent stored with a remembered verdict.
    pub number: u32,
    /// Explicit padding, zero.
    pub pad: u32,
    /// Name of the task.
    pub comm: [u8; 16],
    /// File name of the executable, zero padded.
    pub name: [u8; NAME_LEN],
    /// The first arguments, each ended by a NUL. With [`Action::Deny`], each is cut to a slot of [`SLOT_LEN`]
    /// bytes; otherwise they follow each other as in the new image.
    pub args: [u8; SLOT_LEN * (ARGS + 1)],
}

/// Mixes eight bytes into a hash (FxHash, with the rotation first).
#[inline(always)]
#[must_use]
pub fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Returns the hash of the first bytes of argv, zero padded.
#[must_use]
pub fn argv_hash(bytes: &[u64; ARGV_LEN / 8]) -> u64 {
    bytes.iter().fold(0, |hash, &word| mix(hash, word))
}

const _: () = assert!(size_of::<RuleMasks>() == 128);
const _: () = assert!(size_of::<NameKey>() == 72);
const _: () = assert!(size_of::<ExeKey>() == 16);
const _: () = assert!(size_of::<ArgKey>() == 64);
const _: () = assert!(size_of::<PathKey>() == 252);
const _: () = assert!(size_of::<VerdictKey>() == 56);
const _: () = assert!(size_of::<Verdict>() == 432);
