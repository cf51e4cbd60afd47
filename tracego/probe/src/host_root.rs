//! The root folder of the machine: the one of its first process. In a container, and under a service manager that
//! gives tracego mounts of its own, tracego's root folder is another one. Where the first process may not be looked at,
//! the second one has the same root folder if it is the kernel's (`kthreadd`).

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use procfs::FromRead as _;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2},
    io::Errno,
};

/// Maximum number of bytes that are read of one file.
const FILE_MAX: u64 = 4 << 20;
/// Flag of a thread of the kernel (PF_KTHREAD, include/linux/sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;
/// Numbers of the machine's own mount namespace: `MNT_NS_INIT_INO` since Linux 6.18, and before that the first numbers
/// that are given at all (`PROC_DYNAMIC_FIRST`).
const MACHINE: [&str; 3] = ["mnt:[4026531832]", "mnt:[4026531840]", "mnt:[4026531841]"];

/// The root folder of the machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostRoot {
    /// tracego's own root folder.
    Own,
    /// The root folder of the first process, which is in another mount namespace: a path in the folder of a process.
    Init(PathBuf),
    /// The first process cannot be looked at, for this reason. tracego's own root folder stands in.
    Hidden(String),
}

impl HostRoot {
    /// Looks for the root folder by the first process of /proc.
    #[must_use]
    pub fn find() -> Self {
        Self::of(Path::new("/proc"))
    }

    /// Looks for the root folder by the first process of a procfs.
    #[must_use]
    pub fn of(procfs: &Path) -> Self {
        let own = fs::read_link(procfs.join("self/ns/mnt"));
        let found = Self::by(procfs, "1", &own).or_else(|why| match is_kernel_thread(procfs, "2") {
            true => Self::by(procfs, "2", &own).map_err(|_| why),
            false => Err(why),
        });
        let is_machine = own.is_ok_and(|own| MACHINE.iter().any(|number| own == Path::new(number)));
        found.unwrap_or_else(|why| if is_machine { Self::Own } else { Self::Hidden(why) })
    }

    /// Looks for the root folder by a process.
    fn by(procfs: &Path, process: &str, own: &io::Result<PathBuf>) -> Result<Self, String> {
        let folder = procfs.join(process);
        let failed = |what: &str, error: &io::Error| format!("{}: {error}", folder.join(what).display());
        let of = fs::read_link(folder.join("ns/mnt")).map_err(|error| failed("ns/mnt", &error))?;
        if own.as_ref().map_err(|error| format!("the own mount namespace: {error}"))? == &of {
            return Ok(Self::Own);
        }
        let root = folder.join("root");
        let opened = openat(CWD, &root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        opened.map_err(|errno| failed("root", &errno.into()))?;
        Ok(Self::Init(root))
    }

    /// Returns the folder in /proc of a process whose mounts are the machine's; `None` if these are tracego's own.
    #[must_use]
    pub(crate) fn process(&self) -> Option<&Path> {
        if let Self::Init(root) = self { root.parent() } else { None }
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Init(root) => root,
            Self::Own | Self::Hidden(_) => Path::new("/"),
        }
    }

    /// Opens a file below the folder. Links in the path lead to files below the folder, too.
    ///
    /// # Errors
    /// Fails if the file is missing or access is denied.
    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, self.folder(), folder, Mode::empty())?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match openat2(&root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // A rename somewhere on the machine interrupted the resolution of `..`.
                Err(Errno::AGAIN) if tries < 4 => tries += 1,
                opened => return Ok(opened?),
            }
        }
    }

    /// Reads a small regular file below the folder. Links in the path lead to files below the folder, too.
    ///
    /// # Errors
    /// Fails if the file is missing, not regular or too large, or if access is denied.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.open(Path::new(path), flags)?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX { Err(io::Error::other("too large")) } else { Ok(bytes) }
    }

    /// Returns the text of a small file without spaces around it; an empty text if it cannot be read.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        let bytes = self.read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

impl fmt::Display for HostRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("tracego's own root folder"),
            Self::Init(root) => write!(f, "{}", root.display()),
            Self::Hidden(why) => {
                write!(f, "tracego's own root folder, which need not be the machine's: {why}")
            }
        }
    }
}

/// Whether a process is a thread of the kernel.
fn is_kernel_thread(procfs: &Path, process: &str) -> bool {
    let stat = procfs::process::Stat::from_file(procfs.join(process).join("stat"));
    stat.is_ok_and(|stat| stat.flags & KERNEL_THREAD != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Makes a procfs whose first process has a root folder with a few files.
    fn procfs(own: &str, init: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["self/ns", "1/ns", "machine/etc/below"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        symlink(own, folder.path().join("self/ns/mnt")).unwrap();
        symlink(init, folder.path().join("1/ns/mnt")).unwrap();
        symlink("../machine", folder.path().join("1/root")).unwrap();
        fs::write(folder.path().join("machine/etc/machine-id"), "0123\n").unwrap();
        symlink("/etc/machine-id", folder.path().join("machine/etc/below/id")).unwrap();
        folder
    }

    #[test]
    fn the_root_of_another_mount_namespace_is_that_of_the_first_process() {
        let other = procfs("mnt:[2]", "mnt:[1]");
        let root = HostRoot::of(other.path());
        assert_eq!(root, HostRoot::Init(other.path().join("1/root")));
        assert_eq!(root.text("/etc/machine-id"), "0123");
        // An absolute link stays below the folder.
        assert_eq!(root.text("/etc/below/id"), "0123");
        assert_eq!(root.text("/etc/below"), "");
        assert!(root.read("/etc/no-such").is_err());
    }

    #[test]
    fn one_mount_namespace_means_the_own_root() {
        let same = procfs("mnt:[1]", "mnt:[1]");
        assert_eq!(HostRoot::of(same.path()), HostRoot::Own);
    }

    #[test]
    fn a_first_process_that_cannot_be_looked_at_is_named() {
        let other = procfs("mnt:[2]", "mnt:[1]");
        fs::remove_file(other.path().join("1/root")).unwrap();
        let root = HostRoot::of(other.path());
        let HostRoot::Hidden(why) = &root else { panic!("{root:?}") };
        assert!(why.contains("1/root: No such file"), "{why}");
        assert_eq!(root.folder(), Path::new("/"));
        fs::remove_dir_all(other.path().join("1")).unwrap();
        let HostRoot::Hidden(why) = HostRoot::of(other.path()) else { panic!() };
        assert!(why.contains("1/ns/mnt: "), "{why}");
        // The number of a mount namespace shows that it is the machine's.
        let machine = procfs(MACHINE[0], "mnt:[1]");
        fs::remove_dir_all(machine.path().join("1")).unwrap();
        assert_eq!(HostRoot::of(machine.path()), HostRoot::Own);
    }

    #[test]
    fn the_second_process_stands_in_if_it_is_of_the_kernel() {
        let other = procfs("mnt:[2]", "mnt:[1]");
        fs::rename(other.path().join("1"), other.path().join("2")).unwrap();
        assert!(matches!(HostRoot::of(other.path()), HostRoot::Hidden(_)));
        let stat = |flags: u32| {
            let rest = "0 0 0 0 2 1 0 0 20 0 1 0 25 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0";
            fs::write(other.path().join("2/stat"), format!("2 (x) S 0 0 0 0 -1 {flags} {rest}\n")).unwrap();
            HostRoot::of(other.path())
        };
        assert!(matches!(stat(0x0040_0100), HostRoot::Hidden(_)));
        let root = stat(2_129_984);
        assert_eq!(root, HostRoot::Init(other.path().join("2/root")));
        assert_eq!(
            (root.process(), root.text("/etc/machine-id")),
            (Some(&*other.path().join("2")), "0123".to_owned())
        );
    }
}
