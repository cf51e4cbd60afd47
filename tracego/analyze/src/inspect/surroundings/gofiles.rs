//! The go.mod, go.work and `go env -w` files in force for a go command, and their content. Follows
//! cmd/go/internal/modload/init.go and cmd/go/internal/cfg/cfg.go of Go 1.27.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Component, Path, PathBuf},
};

use tracego_common::TaskId;
use tracego_model::input::facts::{GoMod, Surroundings};

use super::checkouts;
use crate::inspect::proc::{
    read_error::{ReadError, noted},
    root::RootFolder,
};

/// A go command as the kernel recorded it.
#[derive(Clone, Copy)]
pub struct GoCommand<'a> {
    /// The process.
    pub id: TaskId,
    /// The parent. Its root folder is used when the process has already ended.
    pub parent: TaskId,
    /// Inode number of the mount namespace; zero when unknown.
    pub mount_namespace: u32,
    /// Working folder at exec, as a path from the root of the mount namespace.
    pub cwd: &'a [u8],
    /// The folder given with `-C`.
    pub chdir: Option<&'a str>,
    /// The file given with `-modfile`.
    pub modfile: Option<&'a str>,
    /// Lookup of the process's variables. Used for GOENV, XDG_CONFIG_HOME, HOME, PWD, TMPDIR, for those that
    /// the go env file may also hold: GO111MODULE, GOFLAGS, GOWORK, and for those that name the checkout.
    pub env: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// Maximum number of bytes of a file.
const FILE_MAX: u64 = 1 << 20;

/// Maximum number of bytes of a module path or a value.
const VALUE_MAX: usize = 4096;

/// Maximum number of folders searched on the way up.
const DEPTH_MAX: usize = 256;

/// Variables of the go env file that are kept.
pub const GO_ENV: [&str; 15] = [
    "GO111MODULE",
    "GOAUTH",
    "GOCACHE",
    "GOENV",
    "GOFLAGS",
    "GOINSECURE",
    "GOMODCACHE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "GOTMPDIR",
    "GOTOOLCHAIN",
    "GOWORK",
];

/// Reads the files of a go command inside its root folder.
pub(super) fn read(root: &RootFolder, command: &GoCommand<'_>, found: &mut Surroundings) {
    found.go_env = noted("go_env", go_env(root, command), &mut found.unavailable).unwrap_or_default();
    let Some(folder) = noted("go_mod", folder(root, command), &mut found.unavailable) else { return };
    let go_env = found.go_env.clone();
    let get = |name: &str| {
        let own = (command.env)(name).filter(|value| !value.is_empty());
        own.map(str::to_owned).or_else(|| go_env.get(name).cloned()).unwrap_or_default()
    };
    if get("GO111MODULE") == "off" {
        return;
    }
    let mut walk = Walk { root, denied: None };
    let module = walk.module(&folder, command, &get);
    // A nearer file may be hidden where access was denied: the module is then reported as unavailable.
    match walk.denied {
        Some(why) => drop(found.unavailable.insert("go_mod".to_owned(), why.to_string())),
        None => found.go_mod = noted("go_mod", module, &mut found.unavailable).flatten(),
    }
    let module_folder = found.go_mod.as_ref().and_then(|module| Path::new(&module.path).parent());
    found.checkout = module_folder.and_then(|folder| checkouts::around(root, folder, command.env));
}

/// Returns the working folder by the name that the command uses (`os.Getwd`): `$PWD` if that is the same
/// folder, else the path without links.
fn folder(root: &RootFolder, command: &GoCommand<'_>) -> Result<PathBuf, ReadError> {
    let start = root.inside(command.cwd).ok_or(ReadError::Outside)?;
    let mut folder = PathBuf::from(OsStr::from_bytes(start));
    if let Some(chdir) = command.chdir {
        folder.push(chdir);
    }
    let opened = root.folder(&folder)?;
    if let Some(pwd) = (command.env)("PWD").map(Path::new).filter(|pwd| pwd.is_absolute())
        && root.id(pwd) == root.id(&folder)
    {
        return Ok(clean(pwd));
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(root.path_of(opened)?)))
}

/// Cleans a path like Go's `filepath.Clean`: `..` removes the component before it, whatever it is.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => drop(cleaned.pop()),
            _ => {}
        }
    }
    cleaned
}

struct Walk<'a> {
    root: &'a RootFolder,
    denied: Option<ReadError>,
}

impl Walk<'_> {
    fn module(
        &mut self,
        folder: &Path,
        command: &GoCommand<'_>,
        get: &dyn Fn(&str) -> String,
    ) -> Result<Option<GoMod>, ReadError> {
        let work = match get("GOWORK").as_str() {
            "off" => None,
            "" | "auto" => self.up(folder, "go.work"),
            // The command fails when the path is not absolute or does not exist.
            path => Some(PathBuf::from(path)).filter(|path| path.is_absolute() && self.has(path)),
        };
        let temporary = match (command.env)("TMPDIR") {
            Some(dir) if !dir.is_empty() => clean(Path::new(dir)),
            _ => PathBuf::from("/tmp"),
        };
        // A go.mod directly in the folder for temporary files is ignored (go.dev/issue/26708).
        let file = self.up(folder, "go.mod").filter(|file| file.parent() != Some(&temporary));
        let Some(beside) = work.as_ref().or(file.as_ref()).and_then(|file| file.parent()) else {
            return Ok(None);
        };
        let vendor = self.has(&beside.join("vendor/modules.txt"));
        // -modfile gives another file for the same folder; it is not allowed in a workspace.
        let flag = command.modfile.map(str::to_owned).or_else(|| modfile(&get("GOFLAGS")));
        let file = match (&work, file, flag) {
            (None, Some(_), Some(other)) => Some(folder.join(other)),
            (_, file, _) => file,
        };
        let Some(path) = file else {
            let work = work.map(text);
            return Ok(Some(GoMod { work, vendor, ..GoMod::default() }));
        };
        let content = self.root.read(&path, FILE_MAX)?;
        let module = module_path(&content.bytes).unwrap_or_default();
        Ok(Some(GoMod { path: text(path), module, work: work.map(text), vendor }))
    }

    fn up(&mut self, folder: &Path, name: &str) -> Option<PathBuf> {
        let mut above = folder.ancestors();
        let found = above.by_ref().take(DEPTH_MAX).map(|dir| dir.join(name)).find(|file| self.has(file));
        if found.is_none() && above.next().is_some() {
            self.denied = self.denied.or(Some(ReadError::TooMany));
        }
        found
    }

    fn has(&mut self, path: &Path) -> bool {
        self.root.has_file(path).unwrap_or_else(|why| {
            self.denied = self.denied.or(Some(why));
            false
        })
    }
}

fn text(path: PathBuf) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}

/// Reads the settings written by `go env -w`. A missing file is no error.
fn go_env(root: &RootFolder, command: &GoCommand<'_>) -> Result<BTreeMap<String, String>, ReadError> {
    let get = |name: &str| (command.env)(name).filter(|value| !value.is_empty());
    let path = match (get("GOENV"), get("XDG_CONFIG_HOME"), get("HOME")) {
        (Some("off"), ..) => return Ok(BTreeMap::new()),
        // Read before -C takes effect, hence relative to the folder that the command was started in.
        (Some(file), ..) => {
            let start = root.inside(command.cwd).ok_or(ReadError::Outside)?;
            Path::new(OsStr::from_bytes(start)).join(file)
        }
        // os.UserConfigDir: a relative path is an error.
        (None, Some(config), _) if !config.starts_with('/') => return Ok(BTreeMap::new()),
        (None, Some(config), _) => Path::new(config).join("go/env"),
        (None, None, Some(home)) => Path::new(home).join(".config/go/env"),
        (None, None, None) => return Ok(BTreeMap::new()),
    };
    match root.read(&path, FILE_MAX) {
        Ok(content) => Ok(env_file(&content.bytes)),
        Err(ReadError::NotFound) => Ok(BTreeMap::new()),
        Err(why) => Err(why),
    }
}

/// Parses a go env file. Returns the variables in [`GO_ENV`]; of several lines with one name the last counts.
/// Credentials in URLs and texts that look like secrets are removed.
#[must_use]
pub fn env_file(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in bytes.split(|&b| b == b'\n') {
        let Some(equals) = line.iter().position(|&b| b == b'=') else { continue };
        let (name, value) = (&line[..equals], &line[equals + 1..]);
        let Some(name) = GO_ENV.iter().find(|known| known.as_bytes() == name) else { continue };
        let value = String::from_utf8_lossy(&value[..value.len().min(VALUE_MAX)]).into_owned();
        found.insert((*name).to_owned(), value);
    }
    found
}

/// Finds the value of `-modfile` in GOFLAGS: flags separated by spaces, each optionally quoted as a whole
/// (cmd/internal/quoted). The last one counts.
#[must_use]
pub fn modfile(flags: &str) -> Option<String> {
    let mut found = None;
    let mut rest = flags.trim_start();
    while let Some(first) = rest.chars().next() {
        let quoted = (first == '"' || first == '\'').then(|| rest[1..].split_once(first)).flatten();
        let (flag, after) = quoted.unwrap_or_else(|| {
            rest.split_at(rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()))
        });
        let name = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-'));
        if let Some(value) = name.and_then(|name| name.strip_prefix("modfile=")) {
            found = Some(value.to_owned());
        }
        rest = after.trim_start();
    }
    found
}

/// Finds the module's path: the `module` line of a go.mod file (go.dev/ref/mod#go-mod-file-module), also
/// inside a block.
#[must_use]
pub fn module_path(bytes: &[u8]) -> Option<String> {
    let mut in_block = false;
    for line in bytes.split(|&b| b == b'\n') {
        let line = String::from_utf8_lossy(&line[..line.len().min(2 * VALUE_MAX)]);
        let line = line.split("//").next().unwrap_or_default().trim();
        let rest = if in_block {
            line
        } else {
            match line.strip_prefix("module") {
                Some(rest) if rest.starts_with([' ', '\t', '"', '`', '(']) => rest.trim(),
                _ => continue,
            }
        };
        if !in_block && rest == "(" {
            in_block = true;
        } else if rest == ")" {
            return None;
        } else if !rest.is_empty() {
            let quoted = |quote| rest.strip_prefix(quote)?.strip_suffix(quote);
            let path = quoted('"').or_else(|| quoted('`')).unwrap_or(rest);
            return (1..=VALUE_MAX).contains(&path.len()).then(|| path.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_lines() {
        let cases: [(&str, Option<&str>); 14] = [
            ("module example.com/demo\n\ngo 1.24\n", Some("example.com/demo")),
            ("// about\nmodule \"example.com/demo\" // end\n", Some("example.com/demo")),
            ("module `example.com/demo`\r\n", Some("example.com/demo")),
            ("module (\n\t// one\n\texample.com/demo\n)\n", Some("example.com/demo")),
            ("module\texample.com/demo", Some("example.com/demo")),
            ("modules example.com/demo", None),
            ("module", None),
            ("module (\n)\nexample.com/demo", None),
            ("go 1.24\n", None),
            ("", None),
            ("module \"", Some("\"")),
            ("module \"\"", None),
            ("module``\n", None),
            ("module (\n``\n)\n", None),
        ];
        for (text, path) in cases {
            assert_eq!(module_path(text.as_bytes()).as_deref(), path, "{text}");
        }
    }

    #[test]
    fn the_last_modfile_flag_counts() {
        assert_eq!(modfile("-mod=mod -modfile=a.mod").as_deref(), Some("a.mod"));
        assert_eq!(modfile("--modfile=a.mod '-modfile=b c.mod'").as_deref(), Some("b c.mod"));
        assert_eq!(modfile("-tags=-modfile=a.mod"), None);
        assert_eq!(modfile("'-modfile=a.mod"), None);
    }

    #[test]
    fn only_listed_variables_of_the_go_env_file_are_kept() {
        let found = env_file(
            b"#x\nGOFLAGS=-mod=vendor\nGOFLAGS=-mod=mod\nCC=gcc\nGOPROXY=https://me:s3cr3t@proxy.example,direct\nGOSUMDB",
        );
        assert_eq!(found["GOFLAGS"], "-mod=mod");
        assert_eq!(found["GOPROXY"], "https://me:s3cr3t@proxy.example,direct");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn two_points_take_a_name_away() {
        assert_eq!(clean(Path::new("/a/./b/../c//d/")), Path::new("/a/c/d"));
        assert_eq!(clean(Path::new("/../..")), Path::new("/"));
    }
}
