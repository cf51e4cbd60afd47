//! Command line → what the agent needs.

use std::{
    fs,
    io::{self, IsTerminal as _, Write},
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tracego_common::{
    Settings,
    settings::{event, filter},
};

use crate::{
    agent::Options,
    cli::{Color, EnvSpec, Output, View, Watch},
    enrich::{Meta, ci},
    host,
    kernel::load::{EnvName, LoadOptions},
    sink::{Format, Sink, text},
};

/// Where the cgroup tree is.
const CGROUP_ROOTS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// The agent's options.
///
/// # Errors
/// When the cgroup cannot be found.
/// What records say about the run, too.
pub(super) fn options(watch: &Watch, tree: bool) -> anyhow::Result<(Options, Meta)> {
    let wanted = wanted(&watch.view);
    let mut settings = Settings {
        // The process table needs the first three whatever is written.
        events: event::EXEC | event::EXIT | event::FORK | wanted,
        filters: 0,
        agent_tgid: std::process::id(),
        uid: 0,
        cgroup_id: 0,
        comm: [0; 16],
        env_names: 0,
        argv_max: watch.argv_max,
        cgroup_level: 0,
        pad: 0,
    };
    if tree {
        settings.filters |= filter::TREE;
    }
    if let Some(uid) = watch.uid {
        settings.filters |= filter::UID;
        settings.uid = uid;
    }
    if let Some(comm) = &watch.comm {
        settings.filters |= filter::COMM;
        settings.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    }
    if let Some(path) = &watch.cgroup {
        settings.filters |= filter::CGROUP;
        (settings.cgroup_id, settings.cgroup_level) = cgroup(path)?;
    }
    let (env, injected) = environment(&watch.view.env);
    settings.env_names = u32::try_from(env.len()).unwrap_or(u32::MAX);
    let load = LoadOptions { settings, ring_size: watch.ring_size, env };
    let options = Options { load, heartbeat: Duration::from_secs(watch.heartbeat) };
    Ok((options, host::meta(injected, watch.view.raw_args)))
}

/// Kinds that are written.
pub(super) fn wanted(view: &View) -> u32 {
    view.events.iter().fold(0, |bits, event| bits | event.bit())
}

/// The allow-list and the injected values.
pub(super) fn environment(specs: &[EnvSpec]) -> (Vec<EnvName>, Vec<(String, String)>) {
    let mut names: Vec<EnvName> = ci::names()
        .into_iter()
        .map(|(name, opens_job)| EnvName { name: name.to_owned(), opens_job })
        .collect();
    let mut injected: Vec<(String, String)> = Vec::new();
    for spec in specs {
        match spec {
            EnvSpec::Value(name, value) => {
                injected.retain(|(known, _)| known != name);
                injected.push((name.clone(), value.clone()));
            }
            EnvSpec::Name(name) if names.iter().all(|known| known.name != *name) => {
                names.push(EnvName { name: name.clone(), opens_job: false });
            }
            EnvSpec::Name(_) => {}
        }
    }
    (names, injected)
}

/// Id and depth of a v2 cgroup: the id is the inode number of its folder.
fn cgroup(path: &Path) -> anyhow::Result<(u64, u32)> {
    let path = fs::canonicalize(path).with_context(|| format!("--cgroup {}", path.display()))?;
    let root = CGROUP_ROOTS
        .iter()
        .find(|root| path.starts_with(root) && Path::new(root).join("cgroup.procs").exists());
    let Some(below) = root.and_then(|root| path.strip_prefix(root).ok()) else {
        bail!("--cgroup {}: not in the cgroup v2 tree (below {})", path.display(), CGROUP_ROOTS.join(" or "));
    };
    // The kernel counts depth from its own root, which has the number 1 (fs/kernfs/dir.c).
    if root.is_some_and(|root| fs::metadata(root).is_ok_and(|root| root.ino() != 1)) {
        bail!("--cgroup {}: seen from inside a cgroup namespace; run tracego in the host's", path.display());
    }
    // A file of a group has an inode number, too, but nothing is ever in it.
    if !path.is_dir() {
        bail!("--cgroup {}: not a cgroup: name its folder", path.display());
    }
    let level = u32::try_from(below.components().count()).unwrap_or(u32::MAX);
    Ok((fs::metadata(&path)?.ino(), level))
}

/// The output: `file`, or `other` (standard output or error).
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn sink(view: &View, other: Box<dyn Write + Send>, terminal: bool) -> anyhow::Result<Sink> {
    let (out, terminal) = match &view.output_file {
        Some(path) => (Sink::file(path).with_context(|| format!("--output-file {}", path.display()))?, false),
        None => (other, terminal),
    };
    let colour = match view.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
    };
    let output = view.output.unwrap_or(if terminal { Output::Text } else { Output::Json });
    let style = text::Style { colour, tree: view.tree };
    let format = if output == Output::Json { Format::Json } else { Format::Text(style) };
    Ok(Sink::new(out, format))
}

/// Standard output and whether it is a terminal.
pub(super) fn stdout() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stdout()), io::stdout().is_terminal())
}

/// Standard error and whether it is a terminal.
pub(super) fn stderr() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stderr()), io::stderr().is_terminal())
}
