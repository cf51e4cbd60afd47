//! Changes of the configuration file, for reloads without a signal (`--config-watch`).

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{cli::WatchOptions, config::paths};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// The link that Kubernetes exchanges when files of a volume change: it leads to a folder with all of them.
const VOLUME: &str = "..data";

/// Device, inode, size, and times of modification and change of a file.
type FileStamp = (u64, u64, u64, [i64; 4]);

/// The version of the files, and of the volume that holds the first one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct ConfigStamp {
    /// The files that are there, in their order.
    files: Vec<(PathBuf, FileStamp)>,
    /// Folder of the volume's present files.
    volume: Option<PathBuf>,
}

impl ConfigStamp {
    fn of(paths: Vec<PathBuf>) -> Self {
        let folder = paths.first().and_then(|path| path.parent());
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let volume = fs::read_link(folder.join(VOLUME)).ok();
        let stamp = |path: PathBuf| {
            let file = fs::metadata(&path).ok()?;
            let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
            Some((path, (file.dev(), file.ino(), file.size(), times)))
        };
        Self { files: paths.into_iter().filter_map(stamp).collect(), volume }
    }
}

/// The decision when a configuration has changed.
#[derive(Debug)]
struct ConfigChanges {
    config: Option<PathBuf>,
    /// The version that is in force or was refused.
    known: ConfigStamp,
    last: ConfigStamp,
}

impl ConfigChanges {
    /// `config`: the value of `--config`.
    fn new(config: Option<PathBuf>) -> Self {
        let known = ConfigStamp::of(paths(config.as_deref()));
        Self { config, last: known.clone(), known }
    }

    /// Looks at the files. Returns whether they are others than before, and were the same at the last two looks:
    /// an editor may still be writing. If all are gone, they are waited for.
    fn look(&mut self) -> bool {
        let now = ConfigStamp::of(paths(self.config.as_deref()));
        let is_stable = now == self.last && !now.files.is_empty();
        let changed = is_stable && now != self.known;
        if changed {
            self.known = now.clone();
        }
        self.last = now;
        changed
    }
}

/// A watch of the configuration file. The thread that looks ends with it, as soon as the file system answers.
#[derive(Debug)]
pub(super) struct ConfigWatch(Option<mpsc::Receiver<()>>);

impl ConfigWatch {
    /// Starts to watch the files of `--config`, or of the machine, with `--config-watch`.
    ///
    /// # Errors
    /// Fails if no thread can be started.
    pub(super) fn of(watch: &WatchOptions) -> std::io::Result<Self> {
        if !watch.config_watch {
            return Ok(Self(None));
        }
        Self::start(watch.records.config.as_deref())
    }

    fn start(config: Option<&Path>) -> std::io::Result<Self> {
        let mut changes = ConfigChanges::new(config.map(Path::to_owned));
        let (changed, changes_of_file) = mpsc::channel(1);
        let look = move || {
            while !changed.is_closed() {
                thread::sleep(LOOK);
                // A change that waits to be handled stands for this one, too.
                if changes.look()
                    && matches!(changed.try_send(()), Err(mpsc::error::TrySendError::Closed(())))
                {
                    return;
                }
            }
        };
        thread::Builder::new().name("tracego-config".into()).spawn(look)?;
        Ok(Self(Some(changes_of_file)))
    }

    /// Waits for the next change; forever if nothing is watched.
    pub(super) async fn changed(&mut self) {
        if let Some(changes) = &mut self.0
            && changes.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_has_changed_when_it_is_another_one_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracego.toml");
        fs::write(&path, "heartbeat = 5").unwrap();
        let mut changes = ConfigChanges::new(Some(path.clone()));
        assert_eq!([changes.look(), changes.look()], [false, false]);
        fs::write(&path, "heartbeat = 50").unwrap();
        assert_eq!([changes.look(), changes.look(), changes.look()], [false, true, false]);
        // Gone for a moment, and another file of the same size in its place.
        fs::remove_file(&path).unwrap();
        assert_eq!([changes.look(), changes.look()], [false, false]);
        fs::write(&path, "heartbeat = 60").unwrap();
        assert_eq!([changes.look(), changes.look(), changes.look()], [false, true, false]);
    }

    #[test]
    fn an_exchanged_volume_of_kubernetes_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let version = |number: u32| {
            let name = format!("..2026_{number}");
            fs::create_dir(at(&name)).unwrap();
            fs::write(at(&name).join("tracego.toml"), "heartbeat = 5").unwrap();
            symlink(&name, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at(VOLUME)).unwrap();
        };
        version(1);
        symlink("..data/tracego.toml", at("tracego.toml")).unwrap();
        let mut changes = ConfigChanges::new(Some(at("tracego.toml")));
        assert_eq!([changes.look(), changes.look()], [false, false]);
        version(2);
        assert_eq!([changes.look(), changes.look(), changes.look()], [false, true, false]);
    }

    #[test]
    fn a_part_that_comes_or_goes_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("conf.d/a.toml");
        fs::create_dir(part.parent().unwrap()).unwrap();
        fs::write(folder.path().join("tracego.toml"), "heartbeat = 5").unwrap();
        let mut changes = ConfigChanges::new(Some(folder.path().to_owned()));
        assert_eq!([changes.look(), changes.look()], [false, false]);
        fs::write(&part, "uid = 7").unwrap();
        assert_eq!([changes.look(), changes.look(), changes.look()], [false, true, false]);
        fs::remove_file(&part).unwrap();
        assert_eq!([changes.look(), changes.look(), changes.look()], [false, true, false]);
    }
}
