//! The memory of the start, which a run does not need.

/// Returns memory that was freed to the operating system. Tables that are made of the settings, and what loading the
/// programs takes, leave about 3 MiB of free blocks between used ones, which glibc would keep.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes the locks of the allocator itself.
    unsafe {
        libc::malloc_trim(0);
    }
}
