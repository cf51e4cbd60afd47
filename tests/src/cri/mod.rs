//! containerd of Debian, unpacked below `target` and not installed, with pods that are made as kubelet makes them: through
//! the Container Runtime Interface.
//!
//! ```text
//! images    root folders → images
//! service   calls over containerd's socket, with the fields in `messages`
//! kubelet   a pod as the API has it → the requests that kubelet would send
//! ```

mod images;
mod kubelet;
mod messages;
mod service;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use messages::{Empty, ImageSpec, ImageStatusRequest, ImageStatusResponse};
use service::CriService;

pub use self::{
    images::ImageFolder,
    kubelet::{ContainerState, NodePod, PodVolumes},
};
use crate::{ChildGuard, debian, python::run};

/// Name of the image that holds the namespaces of a pod.
const PAUSE: &str = "docker.io/local/pause:1";
/// The namespace of containerd in which Kubernetes has its containers.
const NAMESPACE: &str = "k8s.io";

/// A containerd whose containers, mounts and files are gone when it is dropped.
pub struct Containerd {
    programs: PathBuf,
    folder: tempfile::TempDir,
    service: CriService,
    daemon: Option<ChildGuard>,
}

impl Containerd {
    /// Unpacks containerd and runc, starts it, and gives it the image that pods need.
    ///
    /// # Errors
    /// Names what is missing on this machine, in few words.
    pub fn start() -> Result<Self, String> {
        let programs = debian::packages_with_dependencies(&["containerd", "runc"])?;
        let said = |error: std::io::Error| error.to_string();
        // Sockets have short names.
        let folder = tempfile::Builder::new().prefix("tg-cri-").tempdir().map_err(said)?;
        let service = CriService::new(&folder.path().join("sock"))?;
        let mut containerd = Self { programs, folder, service, daemon: None };
        containerd.configure().map_err(said)?;
        let errors = fs::File::create(containerd.log()).map_err(said)?;
        let mut command = containerd.command("containerd");
        command.arg("--config").arg(containerd.folder.path().join("config.toml"));
        let daemon = command.stdout(Stdio::null()).stderr(errors).spawn();
        containerd.daemon = Some(ChildGuard(daemon.map_err(|error| format!("containerd: {error}"))?));
        containerd.answers()?;
        let pause = ImageFolder::new(&["/bin/sleep".into()]).entry(&["/bin/sleep", "infinity"]);
        containerd.import(&pause, PAUSE)?;
        Ok(containerd)
    }

    /// Waits until the service for containers answers.
    fn answers(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let answer: Result<Empty, String> = self.service.call("RuntimeService/Version", Empty {});
            let Err(error) = answer else { return Ok(()) };
            let ended = self.daemon.as_mut().is_none_or(|daemon| !matches!(daemon.0.try_wait(), Ok(None)));
            if ended || start.elapsed() > Duration::from_secs(20) {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                let last = log.lines().next_back().unwrap_or("no log").to_owned();
                return Err(format!("containerd: {error}: {last}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Returns a command of containerd's package.
    fn command(&self, name: &str) -> Command {
        let below = ["usr/bin", "usr/sbin"].map(|folder| self.programs.join(folder));
        let libraries = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"];
        let libraries = libraries.map(|folder| self.programs.join(folder).display().to_string()).join(":");
        let path = below.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":");
        let mut command = Command::new(below[0].join(name));
        command.env_clear().env("PATH", format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin"));
        command.env("LD_LIBRARY_PATH", libraries).current_dir(self.folder.path());
        command
    }

    fn configure(&self) -> std::io::Result<()> {
        let folder = self.folder.path().display();
        let settings = format!(
            "version = 2\nroot = \"{folder}/root\"\nstate = \"{folder}/state\"\n\
             disabled_plugins = [\"io.containerd.internal.v1.opt\"]\n\
             [grpc]\naddress = \"{folder}/sock\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\n\
             # Profiles of AppArmor would stay in the kernel.\n\
             disable_apparmor = true\n\
             # A lower score than containerd's own needs CAP_SYS_RESOURCE.\n\
             restrict_oom_score_adj = true\n\
             sandbox_image = \"{PAUSE}\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".cni]\nbin_dir = \"{folder}/cni\"\nconf_dir = \"{folder}/cni\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"native\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n\
             runtime_type = \"io.containerd.runc.v2\"\n\
             [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nRoot = \"{folder}/runc\"\n"
        );
        fs::write(self.folder.path().join("config.toml"), settings)
    }

    /// Makes an image of a folder.
    ///
    /// # Errors
    /// Returns the last line of what the client says.
    pub fn import(&self, image: &ImageFolder, name: &str) -> Result<(), String> {
        self.import_archive(&image.archive(name), name)
    }

    /// Takes the image of an archive, of OCI or of Docker, and gives it the name with its digest that images from
    /// registries have. Waits until the service for pods knows it.
    ///
    /// # Errors
    /// Returns the last line of what the client says.
    pub fn import_archive(&self, archive: &Path, name: &str) -> Result<(), String> {
        let archive = archive.display().to_string();
        let _unpacked = self.client(&["import", "--snapshotter", "native", &archive])?;
        let listed = self.client(&["list", &format!("name=={name}")])?;
        let digest = listed.split_whitespace().find(|word| word.starts_with("sha256:"));
        let digest = digest.ok_or_else(|| format!("{archive} has no image {name}"))?;
        let repository = name.rsplit_once(':').map_or(name, |(repository, _)| repository);
        let _named = self.client(&["tag", name, &format!("{repository}@{digest}")])?;
        let start = Instant::now();
        loop {
            let image = Some(ImageSpec { image: name.to_owned() });
            let status = self.service.call("ImageService/ImageStatus", ImageStatusRequest { image });
            let status: ImageStatusResponse = status?;
            if status.image.is_some_and(|image| !image.repo_digests.is_empty()) {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(20) {
                return Err(format!("containerd does not know the image {name}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command about images. Returns its output.
    fn client(&self, arguments: &[&str]) -> Result<String, String> {
        let mut client = self.command("ctr");
        client.args(["--namespace", NAMESPACE, "--address"]).arg(self.folder.path().join("sock"));
        run(client.arg("images").args(arguments))
    }

    /// Returns the folder of files that end with containerd.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // Pods were dropped before, and with them their shims.
        if let Some(daemon) = self.daemon.take() {
            daemon.terminate();
            let _ended = daemon.output();
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
