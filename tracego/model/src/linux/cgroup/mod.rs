//! Container, pod and systemd unit from a cgroup path. No I/O; any bytes are accepted.
//!
//! The outermost container of a path is the one that the host started. Cgroups below it belong to the container,
//! which can give them any name, so they are not looked at: in a container of kind or of Docker in Docker, that
//! outer container is the answer.

mod container;
#[cfg(test)]
mod tests;

/// Possible roots of the cgroup v2 tree: beside v1, or alone.
pub const ROOTS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// The parts recognised in a cgroup path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CgroupInfo {
    /// The outermost container.
    pub container: Option<Container>,
    /// Uid of the Kubernetes pod that holds the container, with dashes.
    pub pod_uid: Option<String>,
    /// systemd unit: the last `.service`, else the last `.scope`.
    pub unit: Option<String>,
}

/// A container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Container {
    /// Id of the container, as its runtime writes it; for LXC and systemd-nspawn, its name.
    pub id: String,
    /// Runtime of the container (`container.runtime.name`), if the path names it.
    pub runtime: Option<&'static str>,
}

/// Parses a cgroup path.
#[must_use]
pub fn parse(path: &[u8]) -> CgroupInfo {
    let mut info = CgroupInfo::default();
    let (mut scope, mut in_kubepods) = (None, false);
    // A part that is no text is no name of a runtime or of systemd.
    let parts: Vec<&str> =
        path.split(|&b| b == b'/').map(|part| std::str::from_utf8(part).unwrap_or_default()).collect();
    for (n, &part) in parts.iter().enumerate() {
        if part.ends_with(".service") {
            info.unit = Some(part.to_owned());
        } else if part.ends_with(".scope") {
            scope = Some(part);
        }
        if info.container.is_some() {
            continue;
        }
        in_kubepods |= part.contains("kubepods");
        if in_kubepods && info.pod_uid.is_none() {
            info.pod_uid = pod(part);
        }
        let above = n.checked_sub(1).and_then(|n| parts.get(n)).copied().unwrap_or_default();
        let below = parts.get(n + 1).copied().unwrap_or_default();
        info.container = container::container(part, above, below);
    }
    info.unit = info.unit.or_else(|| scope.map(str::to_owned));
    info
}

/// Returns the uid in `pod<uid>`, alone or at the end of a slice's name. systemd writes the dashes of the uid
/// as `_`.
fn pod(part: &str) -> Option<String> {
    let name = part.split(':').next().unwrap_or_default();
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let uid = if let Some(uid) = name.strip_prefix("pod") { uid } else { name.rsplit_once("-pod")?.1 };
    let uid = uid.replace('_', "-");
    // A static pod's uid is 32 digits without dashes.
    let is_uid = container::is_uuid(&uid) || (uid.len() == 32 && container::is_hex(&uid));
    is_uid.then_some(uid)
}
