//! Names of the users of a process, as its own root folder has them. A container has a passwd file of its own, and
//! a number in another user namespace is nobody on this host.

mod resolver;

use std::{
    num::NonZeroUsize,
    path::Path,
    time::{Duration, Instant},
};

use lru::LruCache;
use resolver::Resolver;
use tracego_common::{TaskId, event::field};
use tracego_model::{event::Exec, linux::users::Users};

use super::{
    files::question::{PasswdAnswer, ProcessQuestion},
    proc::{
        passwd::{self, PASSWD},
        procfs::Procfs,
        root::{FileStamp, RootFolder},
    },
};

/// Minimum time between two looks at one passwd file.
const CHECK: Duration = Duration::from_secs(1);
/// Time in which the file of a new mount namespace is looked at for each start: a container is set up then.
const SETTLING: Duration = Duration::from_secs(2);
/// Maximum number of mount namespaces whose users are kept.
const NAMESPACES: NonZeroUsize = match NonZeroUsize::new(128) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// The users of the host and of other mount namespaces.
pub(super) struct AccountNames {
    procfs: Procfs,
    /// Mount namespace of the machine, and user namespace of this program.
    own: Option<(u64, u64)>,
    /// The names that records have without a note.
    initial: Users,
    host: PasswdFile,
    others: LruCache<u32, PasswdFile>,
    resolver: Resolver,
    /// Whether the resolver of this program is that of the machine.
    is_own_system: bool,
}

/// Reads the passwd file of a mount namespace. Returns `None` if it is as it was, or cannot be looked up.
pub(super) type AskPasswd<'a> = dyn FnMut(u32, ProcessQuestion) -> Option<PasswdAnswer> + 'a;

/// A passwd file as it was last read.
#[derive(Clone, Debug)]
struct PasswdFile {
    users: Users,
    stamp: Option<FileStamp>,
    first: Instant,
    checked: Option<Instant>,
}

impl PasswdFile {
    fn new(users: Users, now: Instant) -> Self {
        Self { users, stamp: None, first: now, checked: None }
    }

    /// Whether the file has to be looked at again.
    fn is_due(&self, now: Instant, settling: Duration) -> bool {
        let settled = now.saturating_duration_since(self.first) >= settling;
        !settled || self.checked.is_none_or(|checked| now.saturating_duration_since(checked) >= CHECK)
    }

    /// Reads the file again if it is another one or was changed.
    fn refresh(&mut self, root: &RootFolder, path: &Path, now: Instant) {
        self.checked = Some(now);
        if let Some((stamp, users)) = passwd::changed(root, path, self.stamp) {
            self.stamp = stamp;
            self.users = users;
        }
    }
}

impl AccountNames {
    /// Creates the names of the host; `initial` is what the run started with.
    pub(super) fn new(procfs: Procfs, initial: Users) -> Self {
        let host = procfs.host_mount_namespace().or_else(|_| procfs.own_mount_namespace());
        let own = host.and_then(|mnt| Ok((mnt, procfs.own_user_namespace()?))).ok();
        Self {
            procfs,
            own,
            host: PasswdFile::new(initial.clone(), Instant::now()),
            initial,
            others: LruCache::new(NAMESPACES),
            resolver: Resolver::default(),
            is_own_system: false,
        }
    }

    /// Returns the names of the users of a process start, if they are others than those that the run started with.
    /// `ask` reads the file of a mount namespace, if it is another one than the known one.
    pub(super) fn of(&mut self, exec: &Exec<'_>, ask: &mut AskPasswd<'_>) -> Option<Users> {
        let fixed = &exec.fixed;
        if fixed.unavailable & field::CRED != 0 {
            return None;
        }
        let ids = [fixed.euid, fixed.uid, fixed.suid];
        let namespaces = (fixed.mnt_ns, fixed.user_ns);
        let known = fixed.unavailable & field::NAMESPACES == 0;
        self.names(
            ids,
            known.then_some(namespaces),
            (fixed.header.id, fixed.header.parent),
            Instant::now(),
            ask,
        )
    }

    fn names(
        &mut self,
        ids: [u32; 3],
        namespaces: Option<(u32, u32)>,
        (id, parent): (TaskId, TaskId),
        now: Instant,
        ask: &mut AskPasswd<'_>,
    ) -> Option<Users> {
        let (Some((own_mnt, own_user)), Some((mnt, user))) = (self.own, namespaces) else { return None };
        let names = if u64::from(user) != own_user {
            Users::default()
        } else if u64::from(mnt) == own_mnt {
            self.host(ids, now)
        } else {
            self.other(mnt, (id, parent), now, ask)
        };
        let same = ids.iter().all(|&id| names.get(id).name == self.initial.get(id).name);
        (!same).then(|| names.only(&ids))
    }

    /// Returns the users of the host, with those of directories that were asked for before.
    fn host(&mut self, ids: [u32; 3], now: Instant) -> Users {
        if self.host.is_due(now, Duration::ZERO)
            && let Ok(root) = self.procfs.host_folder()
        {
            self.host.refresh(&root, Path::new(PASSWD), now);
            self.is_own_system = is_own_system(&root);
        }
        if !self.is_own_system {
            return self.host.users.clone();
        }
        let missing = |id: &u32| self.host.users.get(*id).name.is_none();
        let found: Vec<_> = ids
            .into_iter()
            .filter(missing)
            .filter_map(|id| Some((id, self.resolver.name(id, now)?)))
            .collect();
        if found.is_empty() { self.host.users.clone() } else { self.host.users.with(found) }
    }

    /// Returns the users of another mount namespace.
    fn other(&mut self, mnt: u32, tasks: (TaskId, TaskId), now: Instant, ask: &mut AskPasswd<'_>) -> Users {
        let file = self.others.get_or_insert_mut(mnt, || PasswdFile::new(Users::default(), now));
        if file.is_due(now, SETTLING) {
            file.checked = Some(now);
            let pid = |id| self.procfs.number(id).ok();
            if let Some(answer) = ask(mnt, ProcessQuestion::passwd(tasks, mnt, file.stamp, pid)) {
                file.stamp = answer.stamp;
                file.users = Users::from_pairs(answer.users);
            }
        }
        file.users.clone()
    }
}

/// Whether this program sees the machine's files of users: in a container, its resolver knows other users.
fn is_own_system(host: &RootFolder) -> bool {
    let passwd = Path::new(PASSWD);
    RootFolder::own().and_then(|own| own.id(passwd)).is_ok_and(|own| host.id(passwd) == Ok(own))
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::*;

    #[test]
    fn a_passwd_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        let (root, start) = (RootFolder::own().unwrap(), Instant::now());
        let mut file = PasswdFile::new(Users::default(), start);
        let mut at = |after: u64| {
            let now = start + Duration::from_millis(after);
            if file.is_due(now, Duration::ZERO) {
                file.refresh(&root, &path, now);
            }
            file.users.get(4711).name
        };
        assert_eq!(at(0), None);
        fs::write(&path, "one:x:4711:4711::/:/bin/sh\n").unwrap();
        assert_eq!(at(500), None);
        assert_eq!(at(1000), Some(Arc::from("one")));
        // Another file in its place, of the same size.
        fs::write(folder.path().join("new"), "two:x:4711:4711::/:/bin/sh\n").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(at(1500), Some(Arc::from("one")));
        assert_eq!(at(2000), Some(Arc::from("two")));
        fs::remove_file(&path).unwrap();
        assert_eq!(at(3000), None);
    }

    #[test]
    fn a_new_namespace_is_looked_at_each_time_until_it_settles() {
        let start = Instant::now();
        let mut file = PasswdFile::new(Users::default(), start);
        file.checked = Some(start + Duration::from_millis(1500));
        assert!(file.is_due(start + Duration::from_millis(1600), SETTLING));
        assert!(!file.is_due(start + Duration::from_millis(2100), SETTLING));
        assert!(file.is_due(start + Duration::from_millis(2500), SETTLING));
    }

    #[test]
    fn a_number_of_another_user_namespace_is_nobody_here() {
        let initial = Users::parse(b"me:x:1000:1000::/:/bin/sh\n");
        let mut names = AccountNames::new(Procfs::default(), initial);
        let (mnt, user) = names.own.unwrap();
        let (mnt, user) = (u32::try_from(mnt).unwrap(), u32::try_from(user).unwrap());
        let none = (TaskId::default(), TaskId::default());
        let now = Instant::now();
        // The names that the run started with need no note.
        names.host.checked = Some(now);
        assert!(names.names([1000; 3], Some((mnt, user)), none, now, &mut |_, _| None).is_none());
        assert!(names.names([1000; 3], None, none, now, &mut |_, _| None).is_none());
        let other = names.names([1000; 3], Some((mnt, user ^ 1)), none, now, &mut |_, _| None).unwrap();
        assert_eq!(other.get(1000).name, None);
        let other = names.names([1000; 3], Some((mnt ^ 1, user)), none, now, &mut |_, _| None).unwrap();
        assert_eq!(other.get(1000).name, None);
    }

    #[test]
    fn users_of_the_machine_are_known_in_another_mount_namespace() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["self/ns", "1/ns", "machine/etc"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for (link, to) in [
            ("self/ns/mnt", "mnt:[2]"),
            ("self/ns/user", "user:[9]"),
            ("1/ns/mnt", "mnt:[1]"),
            ("1/root", "../machine"),
        ] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
        }
        fs::write(at("machine/etc/passwd"), "node:x:1000:1000::/:/bin/sh\n").unwrap();
        let mut names = AccountNames::new(Procfs::new(folder.path()), Users::default());
        let none = (TaskId::default(), TaskId::default());
        let mut ask = |_, _| panic!("the machine's users are in its own file");
        let found = names.names([1000, 0, 1000], Some((1, 9)), none, Instant::now(), &mut ask).unwrap();
        assert_eq!(found.get(1000).name, Some(Arc::from("node")));
        // The resolver of a container knows other users.
        assert!(found.get(0).name.is_none() && !names.is_own_system);
    }

    #[test]
    fn a_question_without_an_answer_is_not_asked_again_at_once() {
        let (now, mut asked) = (Instant::now(), 0);
        let mut names = AccountNames::new(Procfs::default(), Users::default());
        // A namespace is new for a while; the last two questions come together.
        let later = now + SETTLING;
        for now in [now, later, later] {
            let tasks = (TaskId::default(), TaskId::default());
            names.other(1, tasks, now, &mut |_, _| {
                asked += 1;
                None
            });
        }
        let file = names.others.get(&1).unwrap();
        assert!(asked == 2 && file.stamp.is_none() && file.checked == Some(later));
    }
}
