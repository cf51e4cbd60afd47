//! The container that one part of a cgroup path names.

use super::Container;

/// Names of runtimes before an id, as in `docker-<id>.scope` or `…:cri-containerd:<id>`, and the runtime of each.
const PREFIXES: [(&str, &str); 11] = [
    ("buildkit", "buildkit"),
    ("containerd", "containerd"),
    ("cri-containerd", "containerd"),
    ("crio", "cri-o"),
    ("crun", "crun"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("libpod-payload", "podman"),
    ("nerdctl", "containerd"),
    ("podman", "podman"),
    ("runc", "runc"),
];

/// Names before an id that are no runtimes. Transient units of systemd, desktop applications and sessions can have
/// any name behind these.
const OTHERS: [&str; 8] = ["app", "flatpak", "init", "run", "session", "snap", "user", "vte-spawn"];

/// Folders that hold one folder per container, and the runtime that each belongs to.
const FOLDERS: [(&str, &str); 7] = [
    ("buildkit", "buildkit"),
    ("crio", "cri-o"),
    ("docker", "docker"),
    ("garden", "garden"),
    ("k8s.io", "containerd"),
    ("libpod_parent", "podman"),
    ("mesos", "mesos"),
];

/// Returns the container that a part of a path names. `above` and `below` are the parts beside it.
pub(super) fn container(part: &str, above: &str, below: &str) -> Option<Container> {
    let of = |id: &str, runtime| Some(Container { id: id.to_owned(), runtime });
    if let Some((id, runtime)) = named(part, above) {
        return of(&id, Some(runtime));
    }
    // systemd's names, where runc was told to use them without systemd: `kubelet-kubepods…:cri-containerd:<id>`.
    if let Some((front, id)) = part.rsplit_once(':') {
        let name = front.rsplit(':').next().unwrap_or_default();
        return if is_id(id) && !is_monitor(name) { of(id, runtime(name)) } else { None };
    }
    let name = part.strip_suffix(".scope").unwrap_or(part);
    if let Some((prefix, id)) = split(name) {
        let known = !is_monitor(prefix) && !OTHERS.iter().any(|other| is_below(prefix, other));
        return if known { of(id, runtime(prefix)) } else { None };
    }
    let folder = FOLDERS.iter().find(|(folder, _)| *folder == above).map(|&(_, name)| name);
    let own_format = match folder {
        Some("buildkit") => is_buildkit(part),
        Some("garden") => is_uuid(part) || is_handle(part),
        Some("mesos") => is_uuid(part),
        _ => false,
    };
    // Podman puts the containers of a pod into a folder of the pod, and Kata puts the machine that a container
    // runs in, which is a process of the host, beside it.
    let is_pod =
        above == "libpod_parent" && split(below).is_some_and(|(prefix, _)| prefix.starts_with("libpod"));
    let is_id = is_id(part) && !is_pod && above != "kata_overhead";
    (is_id || own_format).then(|| Container { id: part.to_owned(), runtime: folder })
}

/// Returns the name of a container of LXC or systemd-nspawn.
fn named(part: &str, above: &str) -> Option<(String, &'static str)> {
    let lxc = part.strip_prefix("lxc.payload.").or_else(|| {
        // LXC 3 and earlier.
        matches!(above, "lxc" | "lxc.payload").then_some(part)
    });
    if let Some(name) = lxc.filter(|name| !name.is_empty() && !name.starts_with("lxc.")) {
        return Some((name.to_owned(), "lxc"));
    }
    if above != "machine.slice" {
        return None;
    }
    if let Some(name) = part.strip_prefix("systemd-nspawn@").and_then(|name| name.strip_suffix(".service")) {
        return Some((unescaped(name), "systemd-nspawn")).filter(|(name, _)| !name.is_empty());
    }
    let machine = unescaped(part.strip_prefix("machine-")?.strip_suffix(".scope")?);
    // libvirt registers its machines as `machine-qemu\x2d1\x2dweb.scope`, and its containers with lxc.
    match machine.as_str() {
        "" => None,
        name if name.starts_with("qemu-") => None,
        name if name.starts_with("lxc-") => Some((machine, "lxc")),
        _ => Some((machine, "systemd-nspawn")),
    }
}

/// Splits `<prefix>-<id>`.
fn split(name: &str) -> Option<(&str, &str)> {
    let at = name.len().checked_sub(65)?;
    let (prefix, id) = (name.get(..at)?, name.get(at..)?.strip_prefix('-')?);
    (!prefix.is_empty() && is_id(id)).then_some((prefix, id))
}

/// Whether a name is another one, or that one with more behind a dash or a point.
fn is_below(name: &str, other: &str) -> bool {
    name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
}

/// Whether a prefix is that of the process that watches a container: `crio-conmon`, `libpod-conmon`.
fn is_monitor(prefix: &str) -> bool {
    prefix.ends_with("conmon")
}

fn runtime(prefix: &str) -> Option<&'static str> {
    PREFIXES.iter().find(|(name, _)| *name == prefix).map(|&(_, runtime)| runtime)
}

/// Whether a text is a container id: 64 lower-case hexadecimal digits, or the task and number of ECS on Fargate.
fn is_id(text: &str) -> bool {
    (text.len() == 64 && is_hex(text)) || is_fargate(text)
}

fn is_fargate(text: &str) -> bool {
    text.split_once('-').is_some_and(|(task, number)| {
        let digits = (6..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        task.len() == 32 && is_hex(task) && digits
    })
}

/// Whether a text is an id of BuildKit: 25 letters and digits.
fn is_buildkit(text: &str) -> bool {
    text.len() == 25 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Whether a text is a UUID in small letters.
pub(super) fn is_uuid(text: &str) -> bool {
    has_groups(text, &[8, 4, 4, 4, 12])
}

/// Whether a text is a handle of Cloud Foundry's Garden.
fn is_handle(text: &str) -> bool {
    has_groups(text, &[8, 4, 4, 4, 4])
}

fn has_groups(text: &str, lengths: &[usize]) -> bool {
    let mut groups = text.split('-');
    let fits = lengths
        .iter()
        .all(|&length| groups.next().is_some_and(|group| group.len() == length && is_hex(group)));
    fits && groups.next().is_none()
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Undoes the escaping of systemd (systemd-escape(1)): `\x2d` is a dash.
fn unescaped(name: &str) -> String {
    let mut text = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.strip_prefix(b"x").and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok());
        let byte = hex.filter(|_| first == b'\\').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        text.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&text).into_owned()
}
