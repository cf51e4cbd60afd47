//! Paths, by walking directory entries: `bpf_d_path` is not allowed in a BTF tracepoint.
//!
//! Names are written from the file towards its root, each ended by a NUL; the agent reverses them. The walk
//! ends at the root of the mount namespace, so the path of a chrooted process is the outer one.

use tracego_common::{
    Span,
    limits::{BOUNDED_PATH_DEPTH_MAX, DATA_MAX, PATH_DEPTH_MAX, PATH_MAX},
};

use crate::{
    maps::offset,
    memory::{Addr, kernel, kernel_str, pointer, typed},
    rounds::{Round, repeat, rounds},
    scratch::{Scratch, cursor, position, scratch, set_cursor},
    verifier::forget,
    words::copy_short,
};

/// Longest name that is copied: NAME_MAX and its NUL.
const NAME: u32 = 256;

/// State of a walk, on the stack so that the callback can reach it.
#[repr(C)]
struct PathWalk {
    dentry: u64,
    /// The mount that the walk is in.
    mount: u64,
    /// Place of that mount.
    place: MountPlace,
    start: u64,
    pos: u64,
    done: u64,
    /// Nonzero when the names go [aside](aside).
    aside: u64,
}

/// The result of a walk.
pub(crate) struct WalkResult {
    pub(crate) span: Span,
    /// Whether the walk hit the depth or the length bound.
    pub(crate) truncated: bool,
}

/// The place of a mount.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct MountPlace {
    /// The mount above it; the mount itself at the root of its namespace.
    above: u64,
    /// Directory entry of the mount point.
    point: u64,
    /// Root of the tree that the mount holds.
    root: u64,
}

/// Words of a directory entry, from `d_parent` to the first bytes of a short name, which the entry itself
/// holds: `d_parent`, `d_name` with the name's hash and length before its address, `d_inode`, and the name.
type Entry = [u64; 4 + INLINE];

/// Words of a short name. Longer ones are elsewhere, or in kernels that have room for one more word.
const INLINE: usize = 4;

/// Appends one name at `pos` of the scratch area. Returns the position after it.
#[inline(always)]
fn append(pos: u64, name: Addr, beside: u64) -> Option<u64> {
    let scratch = scratch()?;
    let at = position(pos);
    Some(at + u64::from(kernel_str(area(scratch, at, beside), NAME, name)?))
}

/// Returns the place of a name at `at`, which is below [`PREFIX_MAX`]; aside if `beside` is not zero.
#[inline(always)]
fn area(scratch: *mut Scratch, at: u64, beside: u64) -> *mut u8 {
    // SAFETY: `at` < PREFIX_MAX and the area is longer than that by far more than NAME.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    if beside == 0 {
        return to;
    }
    // SAFETY: the area is longer than DATA_MAX by more than PREFIX_MAX and NAME.
    unsafe { to.add(DATA_MAX as usize) }
}

/// The loop over directory entries.
struct Dentries;

impl Round for Dentries {
    type State = PathWalk;
    const ROUNDS: u32 = rounds(PATH_DEPTH_MAX, BOUNDED_PATH_DEPTH_MAX);

    #[inline(always)]
    unsafe fn round(_index: u64, walk: *mut PathWalk) -> i64 {
        // SAFETY: the pointer that `walk` gave.
        step_dentry(unsafe { &mut *walk })
    }
}

/// The loop over kernfs nodes.
struct Nodes;

impl Round for Nodes {
    type State = PathWalk;
    const ROUNDS: u32 = rounds(PATH_DEPTH_MAX, BOUNDED_PATH_DEPTH_MAX);

    #[inline(always)]
    unsafe fn round(_index: u64, walk: *mut PathWalk) -> i64 {
        // SAFETY: the pointer that `walk` gave.
        step_node(unsafe { &mut *walk })
    }
}

/// Appends the name of a directory entry, or leaves a mount. Returns 1 at the end of the walk, otherwise 0.
#[inline(always)]
fn step_dentry(walk: &mut PathWalk) -> i64 {
    if walk.dentry == walk.place.root {
        let MountPlace { above, point, .. } = walk.place;
        if above == walk.mount || above == 0 {
            walk.done = 1;
            return 1;
        }
        walk.dentry = point;
        walk.mount = above;
        walk.place = place(above);
        return 0;
    }
    let entry = entry(walk.dentry);
    let [parent, _, name, ..] = entry;
    if parent == 0 {
        walk.done = 1;
        return 1;
    }
    // A pseudo file (memfd) is its own parent, without being the root of a mount.
    let alone = parent == walk.dentry;
    let inline = name == walk.dentry.wrapping_add(inline_offset() as u64);
    let Some(next) = append_entry(walk.pos, &entry, inline, walk.aside) else {
        return 1;
    };
    let Some(scratch) = scratch() else { return 1 };
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    walk.pos = unsafe { forget(&raw mut (*scratch).forgotten, next) };
    walk.dentry = parent;
    if alone {
        walk.done = 1;
        return 1;
    }
    i64::from(walk.pos - walk.start > u64::from(PATH_MAX))
}

/// Appends the name of a kernfs node. Returns 1 at the end of the walk, otherwise 0.
#[inline(always)]
fn step_node(walk: &mut PathWalk) -> i64 {
    let (parent, name) = node_parent_and_name(walk.dentry);
    if parent == 0 {
        walk.done = 1;
        return 1;
    }
    let Some(next) = append(walk.pos, name, walk.aside) else {
        return 1;
    };
    walk.pos = next;
    walk.dentry = parent;
    i64::from(walk.pos - walk.start > u64::from(PATH_MAX))
}

/// Returns the place of a mount, in one read where the fields are neighbours.
#[inline(always)]
fn place(mount: Addr) -> MountPlace {
    let (above, root) = (offset!(mount_parent), offset!(mount_mnt) + offset!(vfsmount_root));
    if offset!(mount_mountpoint) == above + 8 && root == above + 16 {
        let [above, point, root]: [u64; 3] = kernel(mount, above);
        MountPlace { above, point, root }
    } else {
        MountPlace {
            above: pointer(mount, above),
            point: pointer(mount, offset!(mount_mountpoint)),
            root: pointer(mount, root),
        }
    }
}

/// Returns a directory entry, in one read for the layout of every kernel so far.
#[inline(always)]
fn entry(dentry: Addr) -> Entry {
    let at = offset!(dentry_parent);
    if offset!(dentry_name) == at + 16 && inline_offset() == at + 32 {
        kernel(dentry, at)
    } else {
        let (parent, name) = (pointer(dentry, at), pointer(dentry, offset!(dentry_name)));
        let [a, b, c, d]: [u64; INLINE] = kernel(dentry, inline_offset());
        [parent, 0, name, 0, a, b, c, d]
    }
}

/// Returns the offset of a short name in its directory entry.
#[inline(always)]
fn inline_offset() -> i32 {
    if offset!(dentry_shortname) >= 0 { offset!(dentry_shortname) } else { offset!(dentry_iname) }
}

/// Appends the name of a directory entry like [`append`]. `inline`: the entry itself holds the name.
#[inline(always)]
fn append_entry(pos: u64, entry: &Entry, inline: bool, beside: u64) -> Option<u64> {
    if inline {
        let scratch = scratch()?;
        let at = position(pos);
        let to = area(scratch, at, beside);
        let [_, _, name, _, words @ ..] = *entry;
        // SAFETY: the area has more room than a short name needs.
        let len = unsafe { copy_short::<INLINE>(to, |number| words[number]) };
        if len != 0 {
            return Some(at + len);
        }
        return append(pos, name, beside);
    }
    let [_, _, name, ..] = *entry;
    append(pos, name, beside)
}

/// Returns the parent of a kernfs node and the address of its name, in one read when the name follows the
/// parent.
#[inline(always)]
fn node_parent_and_name(node: Addr) -> (Addr, Addr) {
    let at = parent_offset();
    if offset!(kn_name) == at + 8 {
        let [parent, name]: [u64; 2] = kernel(node, at);
        (parent, name)
    } else {
        (pointer(node, at), pointer(node, offset!(kn_name)))
    }
}

#[inline(always)]
fn parent_offset() -> i32 {
    if offset!(kn_parent_6_15) >= 0 { offset!(kn_parent_6_15) } else { offset!(kn_parent_old) }
}

/// Returns the parent of a kernfs node; zero at the root of its hierarchy. Typed.
#[inline(always)]
pub(crate) fn parent_node(node: Addr) -> Addr {
    typed(node, parent_offset())
}

#[inline(always)]
fn walk<R: Round<State = PathWalk>>(
    dentry: Addr,
    mount: Addr,
    scratch: *mut Scratch,
    aside: u64,
) -> WalkResult {
    let pos = cursor(scratch);
    let place = if mount == 0 { MountPlace::default() } else { place(mount) };
    let mut walk = PathWalk { dentry, mount, place, start: pos, pos, done: 0, aside };
    repeat::<R>(&raw mut walk);
    set_cursor(scratch, walk.pos);
    let span = Span { offset: pos as u32, len: (walk.pos - pos) as u32 };
    WalkResult { span, truncated: walk.done == 0 }
}

/// Returns the mount namespace that a mount is in; zero for a detached mount.
#[inline(always)]
pub(crate) fn namespace(vfsmount: Addr) -> Addr {
    pointer(vfsmount.wrapping_sub(offset!(mount_mnt) as u64), offset!(mount_ns))
}

/// Writes the path of a directory entry in a mount.
#[inline(always)]
pub(crate) fn dentry(entry: Addr, vfsmount: Addr, scratch: *mut Scratch) -> WalkResult {
    // container_of(vfsmount, struct mount, mnt)
    let mount = vfsmount.wrapping_sub(offset!(mount_mnt) as u64);
    walk::<Dentries>(entry, mount, scratch, 0)
}

/// Writes the path of a directory entry in a mount into the part of the data area behind [`DATA_MAX`], which
/// no finished event reaches.
#[inline(always)]
pub(crate) fn aside(entry: Addr, vfsmount: Addr, scratch: *mut Scratch) -> WalkResult {
    let mount = vfsmount.wrapping_sub(offset!(mount_mnt) as u64);
    walk::<Dentries>(entry, mount, scratch, 1)
}

/// Writes the path of a kernfs node (a cgroup).
#[inline(always)]
pub(crate) fn node(node: Addr, scratch: *mut Scratch) -> WalkResult {
    walk::<Nodes>(node, 0, scratch, 0)
}

/// Returns whether the entry was removed from its directory.
#[inline(always)]
pub(crate) fn removed(entry: Addr) -> bool {
    typed::<Addr>(entry, offset!(dentry_hash_pprev)) == 0
        && typed::<Addr>(entry, offset!(dentry_parent)) != entry
}
