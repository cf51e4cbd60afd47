//! Questions to workers and their answers, as bytes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracego_common::TaskId;
use tracego_golang::Image;
use tracego_model::input::{facts::Surroundings, note::OpenFailure};

use crate::inspect::{
    digest::job::{DigestOrder, Handing},
    image::executable::ExecutedProcess,
    proc::{
        passwd::{self, PASSWD},
        procfs::Procfs,
        root::FileStamp,
    },
    surroundings::{
        SurroundingsReader,
        gofiles::GoCommand,
        provenance::{CHECKOUTS, EVENT, ProgramOrigin},
    },
};

/// Maximum number of bytes of a question or an answer.
pub(super) const FRAME_MAX: usize = 8 << 20;
/// Bytes in front of a message: its length and its number.
pub(super) const HEAD: usize = 12;

/// A question to a worker.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Question {
    /// The image that a process executed.
    Image(ImageQuestion),
    /// A descriptor of the file that a process executed, for the hasher.
    Digest(ImageQuestion),
    /// The program that an interpreter of binfmt_misc was started for.
    Interpreted(ImageQuestion),
    /// The files of a go command.
    Command(ProcessQuestion),
    /// The files that say where a program comes from.
    Origin(ProcessQuestion),
    /// The users of a mount namespace.
    Passwd(ProcessQuestion),
}

/// A process that has executed a file; see [`ExecutedProcess`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ImageQuestion {
    pid: Option<u32>,
    start_ns: u64,
    parent: Option<u32>,
    path: Vec<u8>,
    device: u32,
    inode: u64,
    ctime_ns: u64,
    ran_ns: u64,
    user: (u32, u32),
    roots: Vec<PathBuf>,
    /// The digest that is asked for along with it.
    #[serde(default)]
    digest: Option<DigestOrder>,
}

impl From<&ExecutedProcess<'_>> for ImageQuestion {
    fn from(process: &ExecutedProcess<'_>) -> Self {
        let ExecutedProcess { pid, start_ns, parent, path, device, inode, ctime_ns, ran_ns, user, roots } =
            *process;
        let (path, roots) = (path.to_vec(), roots.to_vec());
        Self { pid, start_ns, parent, path, device, inode, ctime_ns, ran_ns, user, roots, digest: None }
    }
}

impl ImageQuestion {
    /// Sets the latest time at which the process is known to have run the file, nanoseconds since 1970.
    pub fn set_ran_ns(&mut self, ran_ns: u64) {
        self.ran_ns = ran_ns;
    }

    /// Asks for a digest, too.
    #[must_use]
    pub fn with_digest(self, digest: Option<DigestOrder>) -> Self {
        Self { digest, ..self }
    }

    /// Returns the digest that is asked for.
    #[must_use]
    pub fn digest(&self) -> Option<&DigestOrder> {
        self.digest.as_ref()
    }

    /// Returns the process.
    #[must_use]
    pub fn process(&self) -> ExecutedProcess<'_> {
        ExecutedProcess {
            pid: self.pid,
            start_ns: self.start_ns,
            parent: self.parent,
            path: &self.path,
            device: self.device,
            inode: self.inode,
            ctime_ns: self.ctime_ns,
            ran_ns: self.ran_ns,
            user: self.user,
            roots: &self.roots,
        }
    }
}

/// A process whose files are read: a [`GoCommand`], a [`ProgramOrigin`], or any process with a passwd file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ProcessQuestion {
    /// Process id in /proc, and start.
    id: (Option<u32>, u64),
    parent: (Option<u32>, u64),
    mount_namespace: u32,
    executable: Vec<u8>,
    cwd: Vec<u8>,
    chdir: Option<String>,
    modfile: Option<String>,
    module: String,
    variables: Vec<(String, String)>,
    /// The content that is known already.
    stamp: Option<FileStamp>,
}

/// Variables that the files of a go command are found by.
const VARIABLES: [&str; 8] =
    ["GO111MODULE", "GOENV", "GOFLAGS", "GOWORK", "HOME", "PWD", "TMPDIR", "XDG_CONFIG_HOME"];

impl ProcessQuestion {
    fn of(id: TaskId, parent: TaskId, mount_namespace: u32, pid: impl Fn(TaskId) -> Option<u32>) -> Self {
        let of = |id: TaskId| (pid(id), id.start_boottime);
        Self { id: of(id), parent: of(parent), mount_namespace, ..Self::default() }
    }

    /// Copies a command. `pid` gives the number of a process in /proc.
    #[must_use]
    pub fn command(command: &GoCommand<'_>, pid: impl Fn(TaskId) -> Option<u32>) -> Self {
        Self {
            cwd: command.cwd.to_vec(),
            chdir: command.chdir.map(str::to_owned),
            modfile: command.modfile.map(str::to_owned),
            variables: copied(VARIABLES.into_iter().chain(CHECKOUTS), command.env),
            ..Self::of(command.id, command.parent, command.mount_namespace, pid)
        }
    }

    /// Copies a program. `pid` as above.
    #[must_use]
    pub fn origin(program: &ProgramOrigin<'_>, pid: impl Fn(TaskId) -> Option<u32>) -> Self {
        Self {
            executable: program.executable.to_vec(),
            cwd: program.cwd.to_vec(),
            module: program.module.to_owned(),
            variables: copied(CHECKOUTS.into_iter().chain([EVENT]), program.env),
            ..Self::of(program.id, program.parent, program.mount_namespace, pid)
        }
    }

    /// Asks for the users of a mount namespace, unless their file still has a known content. `pid` as above.
    #[must_use]
    pub fn passwd(
        (id, parent): (TaskId, TaskId),
        mount_namespace: u32,
        stamp: Option<FileStamp>,
        pid: impl Fn(TaskId) -> Option<u32>,
    ) -> Self {
        Self { stamp, ..Self::of(id, parent, mount_namespace, pid) }
    }

    fn tasks(&self) -> (TaskId, TaskId) {
        let task = |(pid, start_boottime): (Option<u32>, u64)| TaskId {
            tgid: pid.unwrap_or_default(),
            start_boottime,
            ..TaskId::default()
        };
        (task(self.id), task(self.parent))
    }

    fn variable(&self, wanted: &str) -> Option<&str> {
        self.variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// Reads the files of a go command.
    pub(super) fn read_command(&self, reader: &SurroundingsReader) -> Surroundings {
        let (id, parent) = self.tasks();
        reader.go_command(&GoCommand {
            id,
            parent,
            mount_namespace: self.mount_namespace,
            cwd: &self.cwd,
            chdir: self.chdir.as_deref(),
            modfile: self.modfile.as_deref(),
            env: &|name| self.variable(name),
        })
    }

    /// Reads the files of a program.
    pub(super) fn read_origin(&self, reader: &SurroundingsReader) -> Surroundings {
        let (id, parent) = self.tasks();
        let mut found = Surroundings::default();
        let program = ProgramOrigin {
            id,
            parent,
            mount_namespace: self.mount_namespace,
            executable: &self.executable,
            cwd: &self.cwd,
            module: &self.module,
            env: &|name| self.variable(name),
        };
        reader.origin(&program, &mut found);
        found
    }

    /// Reads the users of a mount namespace, seen from the root folder of the process or else of its parent.
    pub(super) fn read_passwd(&self, procfs: &Procfs) -> Option<PasswdAnswer> {
        let (id, parent) = self.tasks();
        let root = |id| {
            let process = procfs.process(id).ok()?;
            let same = process.namespace("mnt") == Ok(u64::from(self.mount_namespace));
            same.then(|| process.root().ok()).flatten()
        };
        let root = root(id).or_else(|| root(parent))?;
        let (stamp, users) = passwd::changed(&root, Path::new(PASSWD), self.stamp)?;
        let users = users.iter().map(|(id, name)| (id, name.to_owned())).collect();
        Some(PasswdAnswer { stamp, users })
    }
}

fn copied<'a>(
    names: impl Iterator<Item = &'static str>,
    env: &dyn Fn(&str) -> Option<&'a str>,
) -> Vec<(String, String)> {
    names.filter_map(|name| Some((name.to_owned(), env(name)?.to_owned()))).collect()
}

/// The users of a mount namespace.
#[derive(Debug, Deserialize, Serialize)]
pub struct PasswdAnswer {
    /// The file that they are from; `None` if there is none.
    pub stamp: Option<FileStamp>,
    /// The users.
    pub users: Vec<(u32, String)>,
}

/// An image that a worker has read.
#[derive(Debug, Deserialize, Serialize)]
pub struct ImageAnswer {
    /// The image.
    pub image: Image,
    /// Whether its file has this content whenever it has this change time.
    pub is_lasting: bool,
    /// The outcome for the hasher, if a digest was asked for.
    pub digest: Option<Handing>,
}

/// An answer of a worker.
#[derive(Debug, Deserialize, Serialize)]
pub enum Answer {
    /// The worker started; its process id.
    Hello(u32),
    /// An image.
    Image(Result<ImageAnswer, OpenFailure>),
    /// The outcome of handing a file to the hasher.
    Digest(Handing),
    /// The files of a go command or of a program.
    Surroundings(Surroundings),
    /// The users of a mount namespace; `None` if they are as they were, or cannot be looked up.
    Passwd(Option<PasswdAnswer>),
}

/// Encodes a message behind its length and its number. Returns `None` if it is too long.
pub(super) fn encode(number: u64, message: &impl Serialize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    serde_json::to_writer(&mut bytes, message).ok()?;
    let length = u32::try_from(bytes.len().checked_sub(HEAD)?).ok()?;
    if bytes.len() > FRAME_MAX {
        return None;
    }
    bytes.get_mut(..4)?.copy_from_slice(&length.to_ne_bytes());
    bytes.get_mut(4..HEAD)?.copy_from_slice(&number.to_ne_bytes());
    Some(bytes)
}

/// Returns the number of bytes of the message behind a head, and its number. Returns `None` if it is too long.
pub(super) fn head(bytes: &[u8; HEAD]) -> Option<(usize, u64)> {
    let (length, number) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_ne_bytes(*length) as usize;
    (length <= FRAME_MAX).then_some((length, u64::from_ne_bytes(number.try_into().ok()?)))
}
