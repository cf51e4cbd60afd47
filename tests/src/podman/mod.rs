//! Podman of Debian, unpacked below `target` and not installed, with storage, settings and cgroups of its own.

pub(crate) mod cgroups;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::PathBuf,
    process::{Command, Output},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{ChildGuard, debian, rootfs};

/// The group that Podman puts containers into by default, without systemd.
const DEFAULT_GROUP: &str = "libpod_parent";

/// The id of a user without a name and without a range of ids in /etc/subuid.
const USER: u32 = 64_711;

/// The cgroup hierarchies that Podman finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hierarchies {
    /// The hierarchies of the machine.
    Machine,
    /// Version 2 alone, on a machine that has version 1 beside it.
    Unified,
}

/// An OCI runtime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Runtime {
    /// The one of Docker and containerd.
    Runc,
    /// The one that Podman prefers.
    Crun,
}

/// Whether Podman runs as root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// Root, in the namespaces of the machine.
    Root,
    /// A user who owns the cgroup that Podman runs in.
    User,
}

/// A Podman whose containers, mounts and cgroups are gone when it is dropped.
pub struct Podman {
    programs: PathBuf,
    folder: tempfile::TempDir,
    runtime: Runtime,
    owner: Owner,
    /// A process in the mount namespace with the other hierarchies.
    view: Option<ChildGuard>,
    group: String,
}

impl Podman {
    /// Unpacks Podman and makes its folder and its cgroup.
    ///
    /// # Errors
    /// Names what is missing on this machine, in few words.
    pub fn new(hierarchies: Hierarchies, runtime: Runtime, owner: Owner) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let names = ["podman", "conmon", "crun", "runc", "golang-github-containers-common"];
        let _had = had_default_group();
        let programs = debian::packages_with_dependencies(&names)?;
        let said = |error: std::io::Error| error.to_string();
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let podman = Self {
            programs,
            folder: folder.map_err(said)?,
            runtime,
            owner,
            view: if hierarchies == Hierarchies::Unified { Some(cgroups::unified()?) } else { None },
            group: format!("tracego-test-{}-{number}", std::process::id()),
        };
        podman.configure().map_err(said)?;
        podman.make_group().map_err(|error| format!("no cgroup can be made: {error}"))?;
        Ok(podman)
    }

    /// Returns why no container can be run.
    #[must_use]
    pub fn reason(
        hierarchies: Hierarchies,
        runtime: Runtime,
        owner: Owner,
        options: &[&str],
    ) -> Option<String> {
        let tried = Self::new(hierarchies, runtime, owner).and_then(|podman| {
            podman.fill(&["/bin/true".into()]);
            let output = podman.run(options, &["/bin/true"]);
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = text.lines().next_back().unwrap_or("podman runs no container").to_owned();
            if output.status.success() { Ok(()) } else { Err(last) }
        });
        tried.err()
    }

    /// Puts programs and their libraries into the root folder of the containers.
    ///
    /// # Panics
    /// Panics if a file cannot be copied.
    pub fn fill(&self, programs: &[PathBuf]) {
        rootfs::fill(&self.root(), programs);
        if self.owner == Owner::User {
            let owner = format!("{USER}:{USER}");
            assert!(Command::new("chown").args(["-R", &owner]).arg(self.root()).status().unwrap().success());
        }
    }

    /// Makes an image of the root folder.
    ///
    /// # Panics
    /// Panics if it cannot be made.
    pub fn import(&self, image: &str) {
        let archive = self.folder.path().join("image.tar");
        let mut tar = Command::new("tar");
        let packed = tar.arg("-C").arg(self.root()).arg("-cf").arg(&archive).arg(".").status();
        assert!(packed.unwrap().success(), "tar");
        let _id = self.printed(&["import", "--quiet", archive.to_str().unwrap(), image]);
    }

    /// Returns the root folder of the containers.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("rootfs")
    }

    /// Returns the cgroup that Podman itself runs in.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Returns a command of Podman, run in its own cgroup.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = if let Some(view) = &self.view {
            let mut command = Command::new("nsenter");
            command.arg("--mount").arg(format!("--target={}", view.0.id())).args(["--", "/bin/sh"]);
            command
        } else {
            Command::new("/bin/sh")
        };
        command.args([
            "-c",
            "for to in $GROUPS_OF_TEST; do echo $$ >$to/cgroup.procs; done; exec \"$@\"",
            "sh",
        ]);
        if self.owner == Owner::User {
            command.args([
                "setpriv",
                "--clear-groups",
                &format!("--reuid={USER}"),
                &format!("--regid={USER}"),
            ]);
        }
        let folder = self.folder.path();
        let below = format!("{}/podman", self.group);
        let groups = match self.view {
            Some(_) => vec![format!("{}/{below}", cgroups::ROOT)],
            None => cgroups::trees().iter().map(|tree| tree.join(&below).display().to_string()).collect(),
        };
        command.arg(self.programs.join("usr/bin/podman")).args(arguments).current_dir(folder);
        command.env_clear().envs([
            ("GROUPS_OF_TEST", groups.join(" ").into()),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".into()),
            ("LD_LIBRARY_PATH", self.libraries()),
            ("CONTAINERS_CONF", folder.join("containers.conf").into_os_string()),
            ("CONTAINERS_STORAGE_CONF", folder.join("storage.conf").into_os_string()),
        ]);
        let own = ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"];
        command.envs(own.map(|name| (name, folder.join("home"))));
        command
    }

    /// Returns the command that runs a command line in a container on the root folder.
    #[must_use]
    pub fn run_command(&self, options: &[&str], line: &[&str]) -> Command {
        let root = self.root();
        let mut all = vec!["run", "--network", "none"];
        let group = format!("/{}/containers", self.group);
        if !options.iter().any(|option| option.starts_with("--cgroup") || option.starts_with("--pod")) {
            all.extend(["--cgroup-parent", &group]);
        }
        all.extend(options);
        all.extend(["--rootfs", root.to_str().unwrap()]);
        all.extend(line);
        self.command(&all)
    }

    /// Runs a command line in a container on the root folder.
    ///
    /// # Panics
    /// Panics if Podman cannot be started.
    #[must_use]
    pub fn run(&self, options: &[&str], line: &[&str]) -> Output {
        self.run_command(options, line).output().unwrap()
    }

    /// Returns what a command of Podman prints.
    ///
    /// # Panics
    /// Panics if it fails.
    #[must_use]
    pub fn printed(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn libraries(&self) -> std::ffi::OsString {
        let folders = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"];
        std::env::join_paths(folders.map(|folder| self.programs.join(folder))).unwrap()
    }

    /// Writes the settings. Podman gives `conmon` few variables, so those that it needs are settings, too.
    fn configure(&self) -> std::io::Result<()> {
        let (folder, programs) = (self.folder.path().display(), self.programs.display());
        let libraries = self.libraries().into_string().unwrap_or_default();
        let runtime = if self.runtime == Runtime::Runc { "runc" } else { "crun" };
        // Podman starts the runtime without variables.
        let places = ["sbin", "bin"].map(|place| self.programs.join("usr").join(place).join(runtime));
        let program = places.iter().find(|path| path.exists()).unwrap_or(&places[0]).display();
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH={libraries}\nexport LD_LIBRARY_PATH\nexec {program} \"$@\"\n"
        );
        let start = self.folder.path().join(runtime);
        fs::write(&start, script)?;
        fs::set_permissions(&start, Permissions::from_mode(0o755))?;
        // The defaults for limits need CAP_SYS_RESOURCE, and the one for pids a controller.
        let settings = format!(
            "[containers]\nlog_driver = \"none\"\npids_limit = 0\n\
             default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
             seccomp_profile = \"{programs}/usr/share/containers/seccomp.json\"\n\
             [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\nruntime = \"{runtime}\"\n\
             conmon_path = [\"{programs}/usr/bin/conmon\"]\nconmon_env_vars = [\"LD_LIBRARY_PATH={libraries}\"]\n\
             tmp_dir = \"{folder}/state\"\nvolume_path = \"{folder}/volumes\"\n\
             [engine.runtimes]\n{runtime} = [\"{folder}/{runtime}\"]\n"
        );
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\nrunroot = \"{folder}/run\"\ngraphroot = \"{folder}/storage\"\n\
             rootless_storage_path = \"{folder}/storage\"\n"
        );
        fs::write(self.folder.path().join("containers.conf"), settings)?;
        fs::write(self.folder.path().join("storage.conf"), storage)?;
        let home = self.folder.path().join("home");
        let own = home.join(".config/containers");
        fs::create_dir_all(&own)?;
        fs::set_permissions(&home, Permissions::from_mode(0o700))?;
        fs::write(own.join("policy.json"), "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}")?;
        fs::create_dir_all(self.root())?;
        if self.owner == Owner::User {
            for path in [self.folder.path(), &home, &home.join(".config"), &own, &self.root()] {
                chown(path, Some(USER), Some(USER))?;
            }
        }
        Ok(())
    }

    /// Makes the cgroup, and one below it for Podman itself, because a group with processes can have no groups
    /// with controllers below it.
    fn make_group(&self) -> std::io::Result<()> {
        for tree in cgroups::trees() {
            let group = tree.join(&self.group);
            for group in [&group, &group.join("podman")] {
                fs::create_dir_all(group)?;
                // A new group of version 1 has no CPUs, and nothing can run in it.
                for name in ["cpuset.cpus", "cpuset.mems"] {
                    let above = group.with_file_name(name);
                    if !group.join("cgroup.type").exists() && above.exists() {
                        fs::write(group.join(name), fs::read(above)?)?;
                    }
                }
                let delegated = self.owner == Owner::User && group.join("cgroup.type").exists();
                for name in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
                    if delegated {
                        chown(group.join(name), Some(USER), Some(USER))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        for all in [&["pod", "rm"][..], &["rm"]] {
            let _removed = self.command(&[all, &["--all", "--force", "--time", "0"]].concat()).output();
        }
        // The process that keeps a user's namespaces, and whatever a failed test has left.
        let groups: Vec<PathBuf> = cgroups::trees().iter().map(|tree| tree.join(&self.group)).collect();
        let end = Instant::now() + Duration::from_secs(5);
        while groups.iter().map(|group| cgroups::kill_all(group)).sum::<usize>() > 0 && Instant::now() < end {
            sleep(Duration::from_millis(10));
        }
        groups.iter().for_each(|group| cgroups::remove_groups(group));
        if !had_default_group() {
            cgroups::trees().iter().for_each(|tree| cgroups::remove_groups(&tree.join(DEFAULT_GROUP)));
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let below = self.folder.path().display().to_string();
        for path in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if path.starts_with(&below) {
                let _unmounted = Command::new("umount").args(["--lazy", path]).status();
            }
        }
    }
}

/// Returns whether the group that Podman puts containers into by default was there before the tests.
fn had_default_group() -> bool {
    static HAD: OnceLock<bool> = OnceLock::new();
    *HAD.get_or_init(|| cgroups::trees().iter().any(|tree| tree.join(DEFAULT_GROUP).exists()))
}
