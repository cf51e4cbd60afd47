//! Paths by walking directory entries: `bpf_d_path` is not allowed in a BTF tracepoint.
//!
//! Names are written from the file towards its root, each ended by a NUL; the agent turns them
//! round. The walk ends at the root of the mount namespace, so a chroot shows its outer path.

use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_loop};
use tracego_common::{
    Span,
    limits::{PATH_DEPTH_MAX, PATH_MAX, PREFIX_MAX},
};

use crate::{
    maps::{SCRATCH, offset},
    read::{Addr, bounded, kernel, kernel_str, pointer},
};

/// Longest name that is copied: NAME_MAX and its NUL.
const NAME: u32 = 256;

/// A walk in progress, on the stack so that the callback can reach it.
#[repr(C)]
struct Walk {
    dentry: u64,
    mount: u64,
    start: u64,
    pos: u64,
    done: u64,
}

/// What a walk gave.
pub(crate) struct Walked {
    pub(crate) span: Span,
    /// Where the next value goes.
    pub(crate) next: u64,
    /// The depth or the length bound was hit.
    pub(crate) truncated: bool,
}

/// Appends one name at `pos` of the scratch; the position behind it.
#[inline(always)]
fn append(pos: u64, name: Addr) -> Option<u64> {
    // SAFETY: a helper without arguments.
    let scratch = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() })?;
    let at = bounded(pos, u64::from(PREFIX_MAX));
    // SAFETY: `at` ≤ PREFIX_MAX and the area is longer than that by far more than NAME.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    Some(at + u64::from(kernel_str(to, NAME, name)?))
}

unsafe extern "C" fn step_dentry(_index: u64, walk: *mut Walk) -> i64 {
    // SAFETY: bpf_loop hands back the pointer that `dentry` gave it.
    let walk = unsafe { &mut *walk };
    let root = pointer(walk.mount, offset!(vfsmount_root) + offset!(mount_mnt)).unwrap_or(0);
    let parent = pointer(walk.dentry, offset!(dentry_parent)).unwrap_or(0);
    if parent == 0 {
        walk.done = 1;
        return 1;
    }
    if walk.dentry == root {
        let above = pointer(walk.mount, offset!(mount_parent)).unwrap_or(0);
        if above == walk.mount || above == 0 {
            walk.done = 1;
            return 1;
        }
        walk.dentry = pointer(walk.mount, offset!(mount_mountpoint)).unwrap_or(0);
        walk.mount = above;
        return 0;
    }
    // A pseudo file (memfd) is its own parent, without being the root of a mount.
    let alone = parent == walk.dentry;
    let Some(next) = pointer(walk.dentry, offset!(dentry_name)).and_then(|name| append(walk.pos, name)) else {
        return 1;
    };
    walk.pos = next;
    walk.dentry = parent;
    if alone {
        walk.done = 1;
        return 1;
    }
    i64::from(walk.pos - walk.start + u64::from(NAME) > u64::from(PATH_MAX))
}

unsafe extern "C" fn step_node(_index: u64, walk: *mut Walk) -> i64 {
    // SAFETY: as `step_dentry`.
    let walk = unsafe { &mut *walk };
    let parent = pointer(walk.dentry, offset!(kn_parent_6_15))
        .or_else(|| pointer(walk.dentry, offset!(kn_parent_old)))
        .unwrap_or(0);
    if parent == 0 {
        walk.done = 1;
        return 1;
    }
    let Some(next) = pointer(walk.dentry, offset!(kn_name)).and_then(|name| append(walk.pos, name)) else {
        return 1;
    };
    walk.pos = next;
    walk.dentry = parent;
    i64::from(walk.pos - walk.start + u64::from(NAME) > u64::from(PATH_MAX))
}

#[inline(always)]
fn walk(step: unsafe extern "C" fn(u64, *mut Walk) -> i64, dentry: Addr, mount: Addr, pos: u64) -> Walked {
    let mut walk = Walk { dentry, mount, start: pos, pos, done: 0 };
    // SAFETY: `walk` outlives the call; the callback has the signature that bpf_loop asks for.
    unsafe { bpf_loop(PATH_DEPTH_MAX, step as *mut core::ffi::c_void, (&raw mut walk).cast(), 0) };
    let end = bounded(walk.pos, u64::from(PREFIX_MAX));
    Walked {
        span: Span { offset: pos as u32, len: (end - pos) as u32 },
        next: end,
        truncated: walk.done == 0,
    }
}

/// Path of a directory entry in a mount.
#[inline(always)]
pub(crate) fn dentry(entry: Addr, vfsmount: Addr, pos: u64) -> Walked {
    // container_of(vfsmount, struct mount, mnt)
    let mount = vfsmount.wrapping_sub(offset!(mount_mnt) as u64);
    walk(step_dentry, entry, mount, pos)
}

/// Path of a kernfs node (a cgroup).
#[inline(always)]
pub(crate) fn node(node: Addr, pos: u64) -> Walked {
    walk(step_node, node, 0, pos)
}

/// Whether the entry was removed from its directory.
#[inline(always)]
pub(crate) fn removed(entry: Addr) -> bool {
    kernel::<u64>(entry, offset!(dentry_hash_pprev)) == Some(0)
        && pointer(entry, offset!(dentry_parent)) != Some(entry)
}
