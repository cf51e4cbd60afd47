//! Paths, by walking directory entries: `bpf_d_path` is not allowed in a BTF tracepoint.
//!
//! Names are written from the file towards its root, each ended by a NUL; the agent reverses them. The walk
//! ends at the root of the mount namespace, so the path of a chrooted process is the outer one.

use tracego_common::{
    Span,
    limits::{DATA_MAX, PATH_DEPTH_MAX, PATH_MAX},
};

use crate::{
    maps::offset,
    memory::{Addr, kernel, kernel_str, pointer},
    scratch::{Scratch, cursor, position, scratch, set_cursor},
    verifier::repeat,
};

/// Longest name that is copied: NAME_MAX and its NUL.
const NAME: u32 = 256;

/// State of a walk, on the stack so that the callback can reach it.
#[repr(C)]
struct PathWalk {
    dentry: u64,
    mount: u64,
    /// Root of the mounted tree that the walk is in.
    root: u64,
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

/// Appends one name at `pos` of the scratch area. Returns the position after it.
#[inline(always)]
fn append(pos: u64, name: Addr, beside: u64) -> Option<u64> {
    let scratch = scratch()?;
    let at = position(pos);
    // SAFETY: `at` < PREFIX_MAX and the area is longer than that by far more than NAME.
    let mut to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    if beside != 0 {
        // SAFETY: the area is longer than DATA_MAX by more than PREFIX_MAX and NAME.
        to = unsafe { to.add(DATA_MAX as usize) };
    }
    Some(at + u64::from(kernel_str(to, NAME, name)?))
}

unsafe extern "C" fn step_dentry(_index: u64, walk: *mut PathWalk) -> i64 {
    // SAFETY: bpf_loop hands back the pointer that `dentry` gave it.
    let walk = unsafe { &mut *walk };
    if walk.dentry == walk.root {
        let above = pointer(walk.mount, offset!(mount_parent));
        if above == walk.mount || above == 0 {
            walk.done = 1;
            return 1;
        }
        walk.dentry = pointer(walk.mount, offset!(mount_mountpoint));
        walk.mount = above;
        walk.root = root_of(above);
        return 0;
    }
    let (parent, name) = parent_and_name(walk.dentry);
    if parent == 0 {
        walk.done = 1;
        return 1;
    }
    // A pseudo file (memfd) is its own parent, without being the root of a mount.
    let alone = parent == walk.dentry;
    let Some(next) = append(walk.pos, name, walk.aside) else {
        return 1;
    };
    walk.pos = next;
    walk.dentry = parent;
    if alone {
        walk.done = 1;
        return 1;
    }
    i64::from(walk.pos - walk.start > u64::from(PATH_MAX))
}

unsafe extern "C" fn step_node(_index: u64, walk: *mut PathWalk) -> i64 {
    // SAFETY: as `step_dentry`.
    let walk = unsafe { &mut *walk };
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

/// Returns the root of the tree that a mount holds.
#[inline(always)]
fn root_of(mount: Addr) -> Addr {
    pointer(mount, offset!(vfsmount_root) + offset!(mount_mnt))
}

/// Returns the parent of a directory entry and the address of its name. One read suffices for the layout of
/// every kernel so far: `d_parent`, then `d_name` with the name's hash and length before its address.
#[inline(always)]
fn parent_and_name(dentry: Addr) -> (Addr, Addr) {
    if offset!(dentry_name) == offset!(dentry_parent) + 16 {
        let [parent, _, name]: [u64; 3] = kernel(dentry, offset!(dentry_parent));
        (parent, name)
    } else {
        (pointer(dentry, offset!(dentry_parent)), pointer(dentry, offset!(dentry_name)))
    }
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

/// Returns the parent of a kernfs node; zero at the root of its hierarchy.
#[inline(always)]
pub(crate) fn parent_node(node: Addr) -> Addr {
    pointer(node, parent_offset())
}

#[inline(always)]
fn walk(
    step: unsafe extern "C" fn(u64, *mut PathWalk) -> i64,
    dentry: Addr,
    mount: Addr,
    scratch: *mut Scratch,
    aside: u64,
) -> WalkResult {
    let pos = cursor(scratch);
    let root = root_of(mount);
    let mut walk = PathWalk { dentry, mount, root, start: pos, pos, done: 0, aside };
    repeat(PATH_DEPTH_MAX, step, &raw mut walk);
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
    walk(step_dentry, entry, mount, scratch, 0)
}

/// Writes the path of a directory entry in a mount into the part of the data area behind [`DATA_MAX`], which
/// no finished event reaches.
#[inline(always)]
pub(crate) fn aside(entry: Addr, vfsmount: Addr, scratch: *mut Scratch) -> WalkResult {
    let mount = vfsmount.wrapping_sub(offset!(mount_mnt) as u64);
    walk(step_dentry, entry, mount, scratch, 1)
}

/// Writes the path of a kernfs node (a cgroup).
#[inline(always)]
pub(crate) fn node(node: Addr, scratch: *mut Scratch) -> WalkResult {
    walk(step_node, node, 0, scratch, 0)
}

/// Returns whether the entry was removed from its directory.
#[inline(always)]
pub(crate) fn removed(entry: Addr) -> bool {
    pointer(entry, offset!(dentry_hash_pprev)) == 0 && pointer(entry, offset!(dentry_parent)) != entry
}
