//! Byte offsets of the kernel fields that are read, resolved from the running kernel's BTF at startup.
//!
//! Rust emits no CO-RE relocations. The agent therefore looks every field up in `/sys/kernel/btf/vmlinux` and
//! passes the table to the program as one read-only global before the verifier sees it.

/// Offset of a field that the running kernel does not have.
pub const ABSENT: i32 = -1;

/// Paths in the registers of a system call and in `task_struct`, by CPU.
#[cfg(target_arch = "aarch64")]
mod cpu {
    pub(super) const NUMBER: &str = "syscallno";
    // The result of the call replaces the first argument in `regs`.
    pub(super) const ARGUMENTS: [&str; 4] = ["orig_x0", "regs[1]", "regs[2]", "regs[4]"];
    pub(super) const ARGUMENTS_32: [&str; 4] = ARGUMENTS;
    pub(super) const STATUS: &str = "thread_info.flags";
}

/// Paths in the registers of a system call and in `task_struct`, by CPU.
#[cfg(not(target_arch = "aarch64"))]
mod cpu {
    pub(super) const NUMBER: &str = "orig_ax";
    pub(super) const ARGUMENTS: [&str; 4] = ["di", "si", "dx", "r8"];
    pub(super) const ARGUMENTS_32: [&str; 4] = ["bx", "cx", "dx", "di"];
    pub(super) const STATUS: &str = "thread_info.status";
}

macro_rules! offsets {
    ($($name:ident: $structure:literal . $path:tt, $doc:literal;)*) => {
        /// Byte offsets of kernel fields; [`ABSENT`] where the kernel has no such field.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct Offsets { $(#[doc = $doc] pub $name: i32,)* }

        impl Offsets {
            /// `(structure, dotted path)` of every field, in layout order.
            pub const FIELDS: &'static [(&'static str, &'static str)] = &[$(($structure, $path),)*];
            /// Table with every field absent.
            pub const NONE: Self = Self { $($name: ABSENT,)* };
            /// Creates the table from values in the order of [`Self::FIELDS`]; a missing value is absent.
            #[must_use]
            pub fn from_values(values: &[i32]) -> Self {
                let mut next = values.iter().copied();
                Self { $($name: next.next().unwrap_or(ABSENT),)* }
            }
        }
    };
}

offsets! {
    task_tgid: "task_struct"."tgid", "Process id.";
    task_pid: "task_struct"."pid", "Thread id.";
    task_start_boottime: "task_struct"."start_boottime", "Start, ns since boot (5.5+).";
    task_real_parent: "task_struct"."real_parent", "Parent that forked or adopted it.";
    task_group_leader: "task_struct"."group_leader", "First thread of the process.";
    task_mm: "task_struct"."mm", "Address space.";
    task_fs: "task_struct"."fs", "Root and working directory.";
    task_signal: "task_struct"."signal", "State shared by the threads of a process.";
    task_cred: "task_struct"."cred", "Credentials in force.";
    task_nsproxy: "task_struct"."nsproxy", "Namespaces.";
    task_cgroups: "task_struct"."cgroups", "cgroup membership.";
    task_thread_pid: "task_struct"."thread_pid", "struct pid of the task.";
    task_loginuid: "task_struct"."loginuid", "Login user id; needs CONFIG_AUDIT.";
    task_sessionid: "task_struct"."sessionid", "Audit session id; needs CONFIG_AUDIT.";
    task_seccomp_mode: "task_struct"."seccomp.mode", "Seccomp mode; needs CONFIG_SECCOMP.";
    task_atomic_flags: "task_struct"."atomic_flags", "PFA_* bits.";
    task_exit_code: "task_struct"."exit_code", "Wait status.";
    task_thread_status: "task_struct".(cpu::STATUS), "Whether a 32-bit caller made the system call.";
    task_comm: "task_struct"."comm", "Name.";
    mm_arg_start: "mm_struct"."arg_start", "User address of argv.";
    mm_arg_end: "mm_struct"."arg_end", "End of argv.";
    mm_env_start: "mm_struct"."env_start", "User address of the environment.";
    mm_env_end: "mm_struct"."env_end", "End of the environment.";
    mm_exe_file: "mm_struct"."exe_file", "The executable.";
    file_path_mnt: "file"."f_path.mnt", "Mount of an open file.";
    file_path_dentry: "file"."f_path.dentry", "Directory entry of an open file.";
    file_inode: "file"."f_inode", "Inode of an open file.";
    path_mnt: "path"."mnt", "Mount.";
    path_dentry: "path"."dentry", "Directory entry.";
    fs_pwd: "fs_struct"."pwd", "Working directory.";
    dentry_name: "dentry"."d_name.name", "Name.";
    dentry_parent: "dentry"."d_parent", "Parent directory.";
    dentry_hash_pprev: "dentry"."d_hash.pprev", "Zero once unhashed (removed).";
    vfsmount_root: "vfsmount"."mnt_root", "Root of the mounted tree.";
    mount_mnt: "mount"."mnt", "The vfsmount inside a mount.";
    mount_parent: "mount"."mnt_parent", "Parent mount.";
    mount_ns: "mount"."mnt_ns", "Mount namespace of a mount; null for a detached one.";
    mount_mountpoint: "mount"."mnt_mountpoint", "Directory entry of the mount point.";
    inode_ino: "inode"."i_ino", "Number.";
    inode_sb: "inode"."i_sb", "File system.";
    inode_mode: "inode"."i_mode", "Type and mode.";
    inode_uid: "inode"."i_uid", "Owner.";
    inode_nlink: "inode"."i_nlink", "Number of names in directories.";
    inode_ctime_sec: "inode"."i_ctime_sec", "Change time (6.11+).";
    inode_ctime_nsec: "inode"."i_ctime_nsec", "Change time (6.11+).";
    inode_ctime_6_6: "inode"."__i_ctime", "Change time (6.6 to 6.10).";
    inode_ctime_old: "inode"."i_ctime", "Change time (before 6.6).";
    sb_dev: "super_block"."s_dev", "Device.";
    cred_uid: "cred"."uid", "Real uid.";
    cred_gid: "cred"."gid", "Real gid.";
    cred_suid: "cred"."suid", "Saved uid.";
    cred_sgid: "cred"."sgid", "Saved gid.";
    cred_euid: "cred"."euid", "Effective uid.";
    cred_egid: "cred"."egid", "Effective gid.";
    cred_cap_inheritable: "cred"."cap_inheritable", "Capability set.";
    cred_cap_permitted: "cred"."cap_permitted", "Capability set.";
    cred_cap_effective: "cred"."cap_effective", "Capability set.";
    cred_cap_bset: "cred"."cap_bset", "Capability set.";
    cred_cap_ambient: "cred"."cap_ambient", "Capability set.";
    cred_user_ns: "cred"."user_ns", "User namespace.";
    user_ns_inum: "user_namespace"."ns.inum", "Number of a user namespace.";
    signal_live: "signal_struct"."live", "Threads that have not exited.";
    signal_flags: "signal_struct"."flags", "State of the process; bit 2: all of its threads end.";
    signal_group_exit_code: "signal_struct"."group_exit_code", "Wait status of a process whose threads all end.";
    signal_rlim: "signal_struct"."rlim", "Resource limits.";
    signal_maxrss: "signal_struct"."maxrss", "Peak RSS in pages, set at exit.";
    signal_tty: "signal_struct"."tty", "Controlling terminal.";
    signal_pids: "signal_struct"."pids", "struct pid by PIDTYPE_*.";
    tty_index: "tty_struct"."index", "Minor within the driver.";
    tty_driver: "tty_struct"."driver", "Driver.";
    tty_driver_major: "tty_driver"."major", "Major number.";
    tty_driver_minor_start: "tty_driver"."minor_start", "First minor number.";
    nsproxy_mnt_ns: "nsproxy"."mnt_ns", "Mount namespace.";
    mnt_ns_inum: "mnt_namespace"."ns.inum", "Number of a mount namespace.";
    pid_level: "pid"."level", "Depth of the pid namespace.";
    pid_numbers: "pid"."numbers", "struct upid by level.";
    upid_nr: "upid"."nr", "Pid in a namespace.";
    upid_ns: "upid"."ns", "Namespace of a struct upid.";
    pid_ns_inum: "pid_namespace"."ns.inum", "Number of a pid namespace.";
    css_set_dfl_cgrp: "css_set"."dfl_cgrp", "cgroup v2 membership.";
    css_set_subsys: "css_set"."subsys", "Controllers' states, for v1.";
    css_cgroup: "cgroup_subsys_state"."cgroup", "cgroup of a controller's state.";
    cgroup_kn: "cgroup"."kn", "kernfs node.";
    kn_id: "kernfs_node"."id", "Number, as seen by statx on the folder.";
    kn_name: "kernfs_node"."name", "Name.";
    kn_parent_6_15: "kernfs_node"."__parent", "Parent (6.15+).";
    kn_parent_old: "kernfs_node"."parent", "Parent (before 6.15).";
    bprm_file: "linux_binprm"."file", "File about to be executed.";
    bprm_filename: "linux_binprm"."filename", "File name that the caller passed.";
    bprm_interp: "linux_binprm"."interp", "The interpreter.";
    bprm_argc: "linux_binprm"."argc", "Number of arguments.";
    bprm_envc: "linux_binprm"."envc", "Number of environment variables.";
    call_number: "pt_regs".(cpu::NUMBER), "Number of the system call; four bytes.";
    call_arg1: "pt_regs".(cpu::ARGUMENTS[0]), "First argument of a system call.";
    call_arg2: "pt_regs".(cpu::ARGUMENTS[1]), "Second argument.";
    call_arg3: "pt_regs".(cpu::ARGUMENTS[2]), "Third argument.";
    call_arg5: "pt_regs".(cpu::ARGUMENTS[3]), "Fifth argument.";
    call32_arg1: "pt_regs".(cpu::ARGUMENTS_32[0]), "First argument of a system call of a 32-bit caller.";
    call32_arg2: "pt_regs".(cpu::ARGUMENTS_32[1]), "Second argument of such a call.";
    call32_arg3: "pt_regs".(cpu::ARGUMENTS_32[2]), "Third argument of such a call.";
    call32_arg5: "pt_regs".(cpu::ARGUMENTS_32[3]), "Fifth argument of such a call.";
    upid_size: "upid"."", "Size of a struct upid.";
    exit_group_dead: "typedef btf_trace_sched_process_exit"."2", "Whether the tracepoint names the last thread (6.16+).";
    pids_subsys: "enum cgroup_subsys_id"."pids_cgrp_id", "Index of the v1 pids controller.";
    dentry_iname: "dentry"."d_iname", "Room for a short name (before 6.14).";
    dentry_shortname: "dentry"."d_shortname", "Room for a short name (6.14+).";
}

const _: () = assert!(size_of::<Offsets>() == Offsets::FIELDS.len() * size_of::<i32>());
