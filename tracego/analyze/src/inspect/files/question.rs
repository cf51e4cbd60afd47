//! Questions to workers and their answers, as bytes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracego_common::TaskId;
use tracego_golang::Image;
use tracego_model::input::{facts::Surroundings, note::OpenFailure};

use crate::inspect::{image::executable::ExecutedProcess, surroundings::gofiles::GoCommand};

/// Maximum number of bytes of a question or an answer.
pub(super) const FRAME_MAX: usize = 8 << 20;
/// Bytes in front of a message: its length and its number.
pub(super) const HEAD: usize = 12;

/// A question to a worker.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Question {
    /// The image that a process executed.
    Image(ImageQuestion),
    /// The program that an interpreter of binfmt_misc was started for.
    Interpreted(ImageQuestion),
    /// The files of a go command.
    Command(CommandQuestion),
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
    at_ns: u64,
    user: (u32, u32),
    roots: Vec<PathBuf>,
}

impl From<&ExecutedProcess<'_>> for ImageQuestion {
    fn from(process: &ExecutedProcess<'_>) -> Self {
        let ExecutedProcess {
            pid,
            start_ns,
            parent,
            path,
            device,
            inode,
            ctime_ns,
            at_ns,
            user,
            roots,
        } = *process;
        let (path, roots) = (path.to_vec(), roots.to_vec());
        Self { pid, start_ns, parent, path, device, inode, ctime_ns, at_ns, user, roots }
    }
}

impl ImageQuestion {
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
            at_ns: self.at_ns,
            user: self.user,
            roots: &self.roots,
        }
    }
}

/// A go command whose files are read; see [`GoCommand`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CommandQuestion {
    /// Process id in /proc, and start.
    id: (Option<u32>, u64),
    parent: (Option<u32>, u64),
    mount_namespace: u32,
    cwd: Vec<u8>,
    chdir: Option<String>,
    modfile: Option<String>,
    variables: Vec<(String, String)>,
}

/// Variables that the files of a go command are found by.
const VARIABLES: [&str; 8] =
    ["GO111MODULE", "GOENV", "GOFLAGS", "GOWORK", "HOME", "PWD", "TMPDIR", "XDG_CONFIG_HOME"];

impl CommandQuestion {
    /// Copies a command. `pid` gives the number of a process in /proc.
    #[must_use]
    pub fn new(command: &GoCommand<'_>, pid: impl Fn(TaskId) -> Option<u32>) -> Self {
        let of = |id: TaskId| (pid(id), id.start_boottime);
        let variable = |name: &&str| Some(((*name).to_owned(), (command.env)(name)?.to_owned()));
        Self {
            id: of(command.id),
            parent: of(command.parent),
            mount_namespace: command.mount_namespace,
            cwd: command.cwd.to_vec(),
            chdir: command.chdir.map(str::to_owned),
            modfile: command.modfile.map(str::to_owned),
            variables: VARIABLES.iter().filter_map(variable).collect(),
        }
    }

    /// Calls a function with the command.
    pub(super) fn with<T>(&self, work: impl FnOnce(&GoCommand<'_>) -> T) -> T {
        let task = |(pid, start_boottime): (Option<u32>, u64)| TaskId {
            tgid: pid.unwrap_or_default(),
            start_boottime,
            ..TaskId::default()
        };
        let get = |wanted: &str| {
            self.variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        work(&GoCommand {
            id: task(self.id),
            parent: task(self.parent),
            mount_namespace: self.mount_namespace,
            cwd: &self.cwd,
            chdir: self.chdir.as_deref(),
            modfile: self.modfile.as_deref(),
            env: &get,
        })
    }
}

/// An answer of a worker.
#[derive(Debug, Deserialize, Serialize)]
pub enum Answer {
    /// The worker started; its process id.
    Hello(u32),
    /// An image, and whether its file has this content whenever it has this change time.
    Image(Result<(Image, bool), OpenFailure>),
    /// The files of a go command.
    Command(Surroundings),
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
