//! The user that the command runs as.

use std::{
    ffi::{CStr, CString, OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt as _,
};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::caller;
use crate::cli::CommandUser;

/// Bytes for an entry of the user database, and the maximum that is tried.
const ENTRY: usize = 4096;
const ENTRY_MAX: usize = 1 << 20;
/// Maximum number of groups of a user: NGROUPS_MAX.
const GROUPS_MAX: usize = 65_536;

/// The identity of the command: user, groups, and the variables that name the user.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct CommandIdentity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    /// Name and home; `None` for a number that no user has.
    names: Option<(OsString, OsString)>,
}

/// An entry of the user database.
struct UserEntry {
    uid: u32,
    gid: u32,
    name: CString,
    home: OsString,
}

/// Returns the user as it was given.
pub(super) fn shown(user: &CommandUser) -> String {
    match user {
        CommandUser::Caller => "caller".to_owned(),
        CommandUser::Number(uid) => uid.to_string(),
        CommandUser::Name(name) => name.clone(),
    }
}

impl CommandIdentity {
    /// Looks a user up, through the system's resolver.
    ///
    /// # Errors
    /// Fails if there is no such user, or if tracego was not started through sudo and the caller is asked for.
    pub(super) fn find(user: &CommandUser) -> anyhow::Result<Self> {
        match user {
            CommandUser::Name(name) => {
                let name = CString::new(name.as_str()).context("no name of a user")?;
                let entry = entry(Key::Name(&name))?.context("there is no such user")?;
                Self::of(entry)
            }
            CommandUser::Number(uid) => Self::of(entry(Key::Number(*uid))?.context("there is no such user")?),
            CommandUser::Caller => {
                let Some(caller) = caller::caller() else {
                    bail!(
                        "tracego was not started through sudo (SUDO_UID is not set); name the user instead"
                    );
                };
                match (entry(Key::Number(caller.uid))?, caller.gid) {
                    (Some(entry), _) => Self::of(entry),
                    (None, Some(gid)) => Ok(Self { uid: caller.uid, gid, groups: vec![gid], names: None }),
                    (None, None) => bail!("there is no user {}", caller.uid),
                }
            }
        }
    }

    fn of(entry: UserEntry) -> anyhow::Result<Self> {
        let UserEntry { uid, gid, name, home } = entry;
        let groups = groups(&name, gid).context("the groups of the user cannot be read")?;
        Ok(Self { uid, gid, groups, names: Some((OsStr::from_bytes(name.to_bytes()).to_owned(), home)) })
    }

    /// Makes the command run as this user.
    pub(super) fn apply(self, command: &mut Command) {
        if let Some((name, home)) = &self.names {
            command.env("HOME", home).env("USER", name).env("LOGNAME", name);
        }
        let Self { uid, gid, groups, .. } = self;
        let become_user = move || {
            // Groups first: without root they cannot be changed any more.
            // SAFETY: plain system calls; the vector outlives them.
            let done = unsafe {
                libc::setgroups(groups.len(), groups.as_ptr()) == 0
                    && libc::setresgid(gid, gid, gid) == 0
                    && libc::setresuid(uid, uid, uid) == 0
            };
            if done { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
        unsafe { command.pre_exec(become_user) };
    }
}

enum Key<'a> {
    Name(&'a CStr),
    Number(u32),
}

/// Returns the entry of a user; `None` if there is none.
fn entry(key: Key<'_>) -> io::Result<Option<UserEntry>> {
    let mut size = ENTRY;
    loop {
        let mut buffer = vec![0; size];
        // SAFETY: all zero is a valid value of this structure of numbers and pointers.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        let (at, len) = (buffer.as_mut_ptr(), buffer.len());
        let error = match key {
            // SAFETY: all pointers are valid for the call, and `len` is the length of the buffer.
            Key::Name(name) => unsafe {
                libc::getpwnam_r(name.as_ptr(), &raw mut entry, at, len, &raw mut found)
            },
            // SAFETY: as above.
            Key::Number(uid) => unsafe { libc::getpwuid_r(uid, &raw mut entry, at, len, &raw mut found) },
        };
        match error {
            libc::ERANGE if size < ENTRY_MAX => size *= 2,
            // Resolvers report a missing user in these ways (getpwnam(3)).
            0 | libc::ENOENT | libc::ESRCH if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: the call succeeded, so the pointers lead to strings in the buffer.
                let text = |text: *const libc::c_char| unsafe { CStr::from_ptr(text) }.to_owned();
                let home = OsStr::from_bytes(text(entry.pw_dir).to_bytes()).to_owned();
                return Ok(Some(UserEntry {
                    uid: entry.pw_uid,
                    gid: entry.pw_gid,
                    name: text(entry.pw_name),
                    home,
                }));
            }
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// Returns the groups of a user.
fn groups(name: &CStr, gid: u32) -> io::Result<Vec<u32>> {
    let mut groups = vec![0; 64];
    loop {
        let mut count = i32::try_from(groups.len()).unwrap_or(i32::MAX);
        // SAFETY: `count` is the length of the vector, and the name ends with a NUL.
        let done = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        let wanted = usize::try_from(count).unwrap_or(0);
        if done >= 0 {
            groups.truncate(wanted);
            return Ok(groups);
        }
        if groups.len() >= GROUPS_MAX {
            return Err(io::Error::from_raw_os_error(libc::E2BIG));
        }
        groups.resize(wanted.max(groups.len() * 2).min(GROUPS_MAX), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_by_number() {
        let root = CommandIdentity::find(&CommandUser::Name("root".to_owned())).unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert!(root.groups.contains(&0));
        assert_eq!(root.names.as_ref().unwrap().0, "root");
        assert_eq!(CommandIdentity::find(&CommandUser::Number(0)).unwrap(), root);
        for unknown in
            [CommandUser::Name("tracego-no-such-user".to_owned()), CommandUser::Number(4_000_000_123)]
        {
            let error = CommandIdentity::find(&unknown).unwrap_err();
            assert_eq!(error.to_string(), "there is no such user");
        }
    }
}
