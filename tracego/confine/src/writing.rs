//! Files that a thread, and the threads that it makes, may write (landlock(7)).
//!
//! Threads that look into /proc of others are left alone: a thread with such a limit may look at none but
//! those with the same one (`hook_ptrace_access_check`, security/landlock/task.c).

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus,
};

/// The newest rights that are known here; older kernels enforce those that they have.
const NEWEST: ABI = ABI::V5;

/// Limits what the calling thread may write to files below `folders` and to devices, from now on. Folders that do
/// not exist are left out. Returns whether the kernel enforces it.
///
/// # Errors
/// Fails if the kernel refuses a rule.
pub fn only_below<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Result<bool, RulesetError> {
    let writing = AccessFs::from_write(NEWEST);
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let mut ruleset = ruleset.handle_access(writing | AccessFs::Execute)?.create()?;
    for folder in folders.into_iter().chain([Path::new("/dev")]) {
        if let Ok(folder) = PathFd::new(folder) {
            ruleset = ruleset.add_rule(PathBeneath::new(folder, writing))?;
        }
    }
    ruleset.restrict_self().map(|status| is_enforced(&status))
}

/// Takes writing to files from the calling thread. What the kernel lacks is left out.
pub fn forbid() {
    // A kernel without Landlock, or one that refuses a rule, leaves the thread as it is.
    let _enforced = only_below([]);
}

/// Takes all files from the calling thread: none can be opened, read or written any more. Returns whether the
/// kernel enforces it.
///
/// # Errors
/// Fails if the kernel refuses the rules.
pub fn no_files() -> Result<bool, RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let ruleset = ruleset.handle_access(AccessFs::from_all(NEWEST))?.create()?;
    ruleset.restrict_self().map(|status| is_enforced(&status))
}

fn is_enforced(status: &RestrictionStatus) -> bool {
    status.ruleset != RulesetStatus::NotEnforced
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_thread_writes_below_its_folders_alone() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (own, other) = (own.path().to_owned(), other.path().to_owned());
        let file = other.join("file");
        fs::write(&file, "before").unwrap();
        let enforced = std::thread::spawn({
            let file = file.clone();
            move || {
                if !only_below([own.as_path()]).unwrap() {
                    return false;
                }
                fs::write(own.join("new"), "x").unwrap();
                assert_eq!(fs::read_to_string(&file).unwrap(), "before");
                fs::write("/dev/null", "x").unwrap();
                for refused in
                    [fs::write(&file, "after"), fs::remove_file(&file), fs::create_dir(other.join("d"))]
                {
                    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
                }
                true
            }
        });
        if !enforced.join().unwrap() {
            eprintln!("skipped: no Landlock in this kernel");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        fs::write(&file, "after").unwrap();
    }

    #[test]
    fn a_thread_without_files_opens_none() {
        let read = std::thread::spawn(|| no_files().unwrap().then(|| fs::read("/etc/hostname").map(drop)));
        match read.join().unwrap() {
            None => eprintln!("skipped: no Landlock in this kernel"),
            Some(read) => assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied),
        }
    }
}
