//! The cgroup of a container in a pod, as kubelet makes it with the driver cgroupfs.

use std::{fs, path::PathBuf, process::Command};

use crate::podman::cgroups::{remove_groups, trees};

/// Cgroups of one container, in each mounted hierarchy. They are removed with the value.
pub struct PodCgroup {
    folders: Vec<PathBuf>,
    pod: Vec<PathBuf>,
}

impl PodCgroup {
    /// Makes `/kubepods/burstable/pod<uid>/<id>`.
    ///
    /// # Panics
    /// Panics if a cgroup cannot be made.
    #[must_use]
    pub fn new(uid: &str, id: &str) -> Self {
        let mut all = Self { folders: Vec::new(), pod: Vec::new() };
        for tree in trees() {
            let pod = tree.join(format!("kubepods/burstable/pod{uid}"));
            let folder = pod.join(id);
            fs::create_dir_all(&folder).unwrap();
            // Processes of cpuset need processors and memory.
            for group in
                ["kubepods", "kubepods/burstable"].map(|group| tree.join(group)).iter().chain([&pod, &folder])
            {
                for name in ["cpuset.cpus", "cpuset.mems"] {
                    if let Ok(value) = fs::read_to_string(tree.join(name)) {
                        let _other_hierarchy = fs::write(group.join(name), value.trim());
                    }
                }
            }
            all.folders.push(folder);
            all.pod.push(pod);
        }
        all
    }

    /// Returns a command that enters the cgroups and then executes a program.
    #[must_use]
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut script = String::new();
        for folder in &self.folders {
            script += &format!("echo $$ > {}/cgroup.procs || exit 9\n", folder.display());
        }
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &(script + "exec \"$0\" \"$@\""), program]).args(arguments);
        command
    }
}

impl Drop for PodCgroup {
    fn drop(&mut self) {
        self.pod.iter().for_each(|pod| remove_groups(pod));
    }
}
