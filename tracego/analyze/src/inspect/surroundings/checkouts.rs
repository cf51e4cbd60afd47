//! The git checkout around a folder: where it is, which commit it is at, and since when (gitrepository-layout(5)).

use std::path::{Path, PathBuf};

use tracego_model::input::facts::Checkout;

use super::provenance::CHECKOUTS;
use crate::inspect::proc::root::RootFolder;

/// Maximum number of folders that are searched on the way up.
const DEPTH_MAX: usize = 64;
/// Maximum number of bytes of a `.git` file.
const LINK_MAX: u64 = 4096;
/// Number of bytes at the end of a reflog in which its last line is looked for.
const LOG_TAIL: u64 = 8192;

/// Finds the checkout that a folder is in. `env` looks up the variables that name the checkout of the job.
pub(super) fn around<'a>(
    root: &RootFolder,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<&'a str>,
) -> Option<Checkout> {
    let (top, git) =
        folder.ancestors().take(DEPTH_MAX).find_map(|top| Some((top, git_folder(root, top)?)))?;
    let mut named = CHECKOUTS.iter().filter_map(|name| env(name)).map(Path::new);
    let log = root.tail(&git.join("logs/HEAD"), LOG_TAIL).ok();
    let (head, moved_s) = log.as_deref().and_then(last_move).unwrap_or_default();
    Some(Checkout {
        folder: top.to_string_lossy().into_owned(),
        // A folder inside of it belongs to it as well: a job can be about a part of a repository.
        is_nested: top.ancestors().skip(1).take(DEPTH_MAX).any(|above| git_folder(root, above).is_some()),
        is_named: named.any(|path| path.starts_with(top)),
        head,
        moved_s,
    })
}

/// Returns the folder with the files of git, if a folder is the top of a checkout. In a submodule and in a worktree,
/// `.git` is a file that names it.
fn git_folder(root: &RootFolder, top: &Path) -> Option<PathBuf> {
    let git = top.join(".git");
    if root.folder(&git).is_ok() {
        return Some(git);
    }
    let link = root.read(&git, LINK_MAX).ok()?;
    let link = std::str::from_utf8(&link.bytes).ok()?.strip_prefix("gitdir:")?.trim();
    Some(top.join(link))
}

/// Reads the commit that HEAD was last moved to, and when, from the end of a reflog: lines of `OLD NEW NAME <MAIL>
/// SECONDS ZONE`, a tab and a message.
fn last_move(log: &[u8]) -> Option<(String, i64)> {
    let line = log.split(|&b| b == b'\n').rfind(|line| !line.is_empty())?;
    let line = std::str::from_utf8(line.split(|&b| b == b'\t').next()?).ok()?;
    let new = line.split(' ').nth(1)?;
    let seconds = line.rsplit(' ').nth(1)?.parse().ok()?;
    let is_commit = line.ends_with(|c: char| c.is_ascii_digit())
        && line.contains("> ")
        && matches!(new.len(), 40 | 64)
        && new.bytes().all(|b| b.is_ascii_hexdigit());
    is_commit.then(|| (new.to_owned(), seconds))
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    const NEW: &str = "1111111111111111111111111111111111111111";

    #[test]
    fn the_last_line_of_a_reflog_is_read() {
        let old = NEW.replace('1', "0");
        let line = format!("{old} {NEW} A B <a@b> 1700000000 +0100\tcheckout: moving from a to b\n");
        let moved = Some((NEW.to_owned(), 1_700_000_000));
        assert_eq!(last_move(line.as_bytes()), moved);
        assert_eq!(last_move(format!("cut off <a@b> 1 +0\tx\n{line}").as_bytes()), moved);
        for bad in [
            "",
            "\n\n",
            "a b c",
            &format!("{old} {NEW}"),
            &line.replace("17", "x"),
            &line.replace(NEW, "main"),
        ] {
            assert_eq!(last_move(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn checkouts_submodules_and_worktrees_are_told_apart() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().canonicalize().unwrap();
        let script = "export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@x GIT_COMMITTER_NAME=t \
             GIT_COMMITTER_EMAIL=t@x; git init -q tool; git -C tool commit -q --allow-empty -m 1; git init -q app; \
             cd app; mkdir -p svc/cmd; git -c protocol.file.allow=always submodule -q add ../tool third/tool; \
             git commit -qm 1; git worktree add -q ../old HEAD; cd ..; git -C app commit -q --allow-empty -m 2; \
             git -C app rev-parse HEAD; git -C old rev-parse HEAD; git -C tool rev-parse HEAD";
        let made = Command::new("sh").args(["-ec", script]).current_dir(&path).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let commits = String::from_utf8(made.stdout).unwrap();
        let commits: Vec<&str> = commits.lines().collect();
        let root = RootFolder::own().unwrap();
        let app = path.join("app").to_str().unwrap().to_owned();
        let look = |folder: &str| {
            let found =
                around(&root, &path.join(folder), &|name| (name == "CI_PROJECT_DIR").then_some(app.as_str()));
            found.map(|found| {
                assert!(found.moved_s > 1_700_000_000, "{found:?}");
                let top = Path::new(&found.folder).strip_prefix(&path).unwrap().to_str().unwrap().to_owned();
                (top, found.head, found.is_named, found.is_nested)
            })
        };
        let wanted = |top: &str, commit: usize, own: bool, nested: bool| {
            Some((top.to_owned(), commits[commit].to_owned(), own, nested))
        };
        assert_eq!(look("app/svc/cmd"), wanted("app", 0, true, false));
        assert_eq!(look("app/third/tool"), wanted("app/third/tool", 2, false, true));
        assert_eq!(look("old"), wanted("old", 1, false, false));
        fs::create_dir(path.join("plain")).unwrap();
        assert_eq!(look("plain"), None);
        assert!(!around(&root, &path.join("app"), &|_| None).unwrap().is_named);
    }
}
