//! Command line → what the agent needs.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, IsTerminal as _, Read as _, Write},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::Arc,
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
    inspect::{self, health::ProbeSettings, services::WatchSettings},
    judge::Judge,
    kernel::load::{EnvName, LoadOptions},
    metrics,
    pipeline::Pipeline,
    rules::{settings::Settings as RuleSettings, subject::variables, table::RULES},
    seal::{before::Before, chain::LINK, key::Key, window::Sealer},
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
    let wanted = watch.view.selection().kinds;
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
        unavailable: 0,
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
    let rules = watch.view.settings();
    let Environment { names, injected, unshown } = environment(&watch.view.env, &rules);
    settings.env_names = u32::try_from(names.len()).unwrap_or(u32::MAX);
    let meta = Meta { unshown, ..host::meta(injected, watch.view.raw_args) };
    let load = LoadOptions { settings, ring_size: watch.ring_size, env: names, without: Vec::new() };
    let heartbeat = Duration::from_secs(watch.heartbeat);
    let metrics = metrics::Options { listen: watch.listen.clone(), config: watch.view.config_digest.clone() };
    Ok((Options { load, heartbeat, inspect: inspect(rules, &meta), metrics }, meta))
}

/// What is looked at for the rules that are on.
fn inspect(rules: RuleSettings, meta: &Meta) -> inspect::Options {
    let services = RULES.iter().any(|rule| rule.service.is_some() && rules.is_on(rule));
    let watch = WatchSettings {
        grace: Duration::from_secs(rules.thresholds.service_grace),
        probe: rules.thresholds.probe.then(ProbeSettings::default),
        ..WatchSettings::default()
    };
    inspect::Options {
        services: services.then_some(watch),
        thresholds: rules.thresholds,
        users: meta.users.clone(),
    }
}

/// The stages behind the input.
///
/// # Errors
/// When the output cannot be opened.
pub(super) fn pipeline(
    view: &View,
    meta: Meta,
    other: (Box<dyn Write + Send>, bool),
) -> anyhow::Result<Pipeline> {
    Ok(Pipeline::new(meta, view.selection(), Some(Judge::new(view.settings())), sink(view, other)?))
}

/// What is read of and put into environments.
pub(super) struct Environment {
    /// The allow-list.
    pub(super) names: Vec<EnvName>,
    /// Values for every record.
    pub(super) injected: Vec<(String, String)>,
    /// Names that only rules look at.
    pub(super) unshown: Arc<BTreeSet<String>>,
}

/// From `--env`, the CI systems and the rules.
pub(super) fn environment(specs: &[EnvSpec], rules: &RuleSettings) -> Environment {
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
    let mut unshown = BTreeSet::new();
    for name in variables(rules) {
        if names.iter().all(|known| known.name != name) {
            names.push(EnvName { name: name.clone(), opens_job: false });
            unshown.insert(name);
        }
    }
    Environment { names, injected, unshown: Arc::new(unshown) }
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
fn sink(view: &View, (other, terminal): (Box<dyn Write + Send>, bool)) -> anyhow::Result<Sink> {
    let mut before = Before::default();
    let (out, terminal) = match &view.output_file {
        Some(path) => {
            let name = || format!("--output-file {}", path.display());
            if view.seal {
                before = Before::read(path).with_context(name)?;
            }
            (Sink::file(path).with_context(name)?, false)
        }
        None => (other, terminal),
    };
    let colour = match view.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
    };
    let output = view.output.unwrap_or(if terminal { Output::Text } else { Output::Json });
    let style = text::Style { colour, tree: view.tree };
    let format = match (view.format, output) {
        (Some(format), _) => Format::Line(format),
        (None, Output::Json) => Format::JSON,
        (None, Output::Text) => Format::Text(style),
    };
    let sink = Sink::new(out, format);
    Ok(match sealer(view, before.last, format)? {
        Some(sealer) => sink.sealed(sealer, before.torn),
        None => sink,
    })
}

/// What seals the output, where that is asked for.
fn sealer(view: &View, follows: Option<[u8; LINK]>, format: Format) -> anyhow::Result<Option<Sealer>> {
    let name = |path: &Path| format!("--seal-key {}", path.display());
    if !view.seal {
        if let Some(path) = &view.seal_key {
            bail!("{}: only with --seal", name(path));
        }
        return Ok(None);
    }
    if format != Format::JSON {
        bail!("--seal: only JSON can be sealed; add --output json");
    }
    let key = view.seal_key.as_ref().map(|path| Key::read(path).with_context(|| name(path))).transpose()?;
    let mut nonce = [0; LINK];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut nonce))
        .context("/dev/urandom")?;
    Ok(Some(Sealer::new(nonce, view.seal_interval, key, follows)))
}

/// Standard output and whether it is a terminal.
pub(super) fn stdout() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stdout()), io::stdout().is_terminal())
}

/// Standard error and whether it is a terminal.
pub(super) fn stderr() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stderr()), io::stderr().is_terminal())
}
