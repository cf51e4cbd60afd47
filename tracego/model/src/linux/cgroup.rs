//! Container, pod and systemd unit from a cgroup path. No I/O; any bytes are accepted.

/// Possible roots of the cgroup v2 tree: beside v1, or alone.
pub const ROOTS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// The parts recognised in a cgroup path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CgroupInfo {
    /// The innermost container.
    pub container: Option<Container>,
    /// Uid of the Kubernetes pod, with dashes.
    pub pod_uid: Option<String>,
    /// systemd unit: the last `.service`, else the last `.scope`.
    pub unit: Option<String>,
}

/// A container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Container {
    /// Id of the container, as its runtime writes it.
    pub id: String,
    /// Runtime of the container (`container.runtime.name`), if the path names it.
    pub runtime: Option<&'static str>,
}

/// Prefixes that runtimes put before the id in a `.scope`. The monitors (`crio-conmon-`, `libpod-conmon-`)
/// are not the container: without the prefix, their names are no ids.
const PREFIXES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
];

/// Folders that hold one folder per container.
const FOLDERS: [(&str, &str); 3] = [("docker", "docker"), ("libpod_parent", "podman"), ("crio", "cri-o")];

/// Parses a cgroup path.
#[must_use]
pub fn parse(path: &[u8]) -> CgroupInfo {
    let mut info = CgroupInfo::default();
    let mut scope = None;
    let mut above = "";
    for part in path.split(|&b| b == b'/') {
        let Ok(part) = std::str::from_utf8(part) else {
            above = "";
            continue;
        };
        if part.ends_with(".service") {
            info.unit = Some(part.to_owned());
        } else if part.ends_with(".scope") {
            scope = Some(part);
        }
        if let Some(uid) = pod(part) {
            info.pod_uid = Some(uid);
        }
        if let Some(container) = container(part, above) {
            info.container = Some(container);
        }
        above = part;
    }
    info.unit = info.unit.or_else(|| scope.map(str::to_owned));
    info
}

fn container(part: &str, above: &str) -> Option<Container> {
    // systemd driver of containerd without slices: `kubelet-kubepods…:cri-containerd:<id>`.
    if let Some((front, id)) = part.rsplit_once(':') {
        let name = front.rsplit(':').next().unwrap_or_default();
        let runtime = PREFIXES.iter().find(|(prefix, _)| prefix.strip_suffix('-') == Some(name));
        return is_id(id).then(|| Container { id: id.to_owned(), runtime: runtime.map(|&(_, name)| name) });
    }
    let name = part.strip_suffix(".scope").unwrap_or(part);
    for (prefix, runtime) in PREFIXES {
        if let Some(id) = name.strip_prefix(prefix)
            && is_id(id)
        {
            return Some(Container { id: id.to_owned(), runtime: Some(runtime) });
        }
    }
    if !is_id(part) {
        return None;
    }
    let folder = FOLDERS.iter().find(|&&(folder, _)| folder == above);
    let known = folder.is_some() || pod(above).is_some() || is_ecs(part) || above.len() == 32;
    known.then(|| Container { id: part.to_owned(), runtime: folder.map(|&(_, name)| name) })
}

/// Whether a text is a container id: 64 lower-case hexadecimal digits, or the 32 and ten digits of ECS.
fn is_id(text: &str) -> bool {
    (text.len() == 64 && is_hex(text)) || is_ecs(text)
}

fn is_ecs(text: &str) -> bool {
    text.split_once('-').is_some_and(|(task, number)| {
        task.len() == 32 && is_hex(task) && number.len() == 10 && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the uid in `pod<uid>`, alone or at the end of a slice's name. systemd writes the dashes of the uid
/// as `_`.
fn pod(part: &str) -> Option<String> {
    let name = part.split(':').next().unwrap_or_default();
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let uid = if let Some(uid) = name.strip_prefix("pod") { uid } else { name.rsplit_once("-pod")?.1 };
    let uid = uid.replace('_', "-");
    // A static pod's uid is 32 digits without dashes.
    let digits = uid.bytes().filter(|&b| b != b'-');
    let whole = uid.len() == 36 || uid.len() == 32;
    (whole && digits.clone().count() == 32 && digits.clone().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        .then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const POD: &str = "8a1b7c2d-1111-2222-3333-444455556666";

    /// Path, container id, runtime, pod and unit of a test case.
    type Case = (String, Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<String>);

    fn cases() -> Vec<Case> {
        let under = POD.replace('-', "_");
        let scope = |name: &str| Some(format!("{name}{ID}.scope"));
        vec![
            (format!("/system.slice/docker-{ID}.scope"), Some(ID), Some("docker"), None, scope("docker-")),
            (format!("/docker/{ID}"), Some(ID), Some("docker"), None, None),
            (format!("/docker/{ID}/init.scope"), Some(ID), Some("docker"), None, Some("init.scope".into())),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{under}.slice/cri-containerd-{ID}.scope"
                ),
                Some(ID),
                Some("containerd"),
                Some(POD),
                scope("cri-containerd-"),
            ),
            (
                format!("/kubepods.slice/kubepods-pod{under}.slice/crio-{ID}.scope"),
                Some(ID),
                Some("cri-o"),
                Some(POD),
                scope("crio-"),
            ),
            (
                format!("/kubepods.slice/kubepods-pod{under}.slice/crio-conmon-{ID}.scope"),
                None,
                None,
                Some(POD),
                scope("crio-conmon-"),
            ),
            (format!("/kubepods/besteffort/pod{POD}/{ID}"), Some(ID), None, Some(POD), None),
            (
                format!(
                    "/system.slice/kubelet.service/kubelet-kubepods-pod{under}.slice:cri-containerd:{ID}"
                ),
                Some(ID),
                Some("containerd"),
                Some(POD),
                Some("kubelet.service".into()),
            ),
            (
                format!("/machine.slice/libpod-{ID}.scope/container"),
                Some(ID),
                Some("podman"),
                None,
                scope("libpod-"),
            ),
            (format!("/machine.slice/libpod-conmon-{ID}.scope"), None, None, None, scope("libpod-conmon-")),
            (
                format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-payload-{ID}"),
                Some(ID),
                Some("podman"),
                None,
                Some("user@1000.service".into()),
            ),
            (
                "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-0123456789".into(),
                Some("0123456789abcdef0123456789abcdef-0123456789"),
                None,
                None,
                None,
            ),
            (
                "/user.slice/user-0.slice/session-3.scope".into(),
                None,
                None,
                None,
                Some("session-3.scope".into()),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope".into(),
                None,
                None,
                None,
                Some("user@1000.service".into()),
            ),
            ("/system.slice/ssh.service".into(), None, None, None, Some("ssh.service".into())),
            (format!("/home/{ID}"), None, None, None, None),
            ("/".into(), None, None, None, None),
            (String::new(), None, None, None, None),
        ]
    }

    #[test]
    fn paths_of_the_field() {
        for (path, id, runtime, pod, unit) in cases() {
            let info = parse(path.as_bytes());
            assert_eq!(info.container.as_ref().map(|c| c.id.as_str()), id, "{path}");
            assert_eq!(info.container.as_ref().and_then(|c| c.runtime), runtime, "{path}");
            assert_eq!(info.unit, unit, "{path}");
            assert_eq!(info.pod_uid.as_deref(), pod, "{path}");
        }
    }

    #[test]
    fn the_innermost_container_wins() {
        let inner = ID.replace('0', "f");
        let path = format!("/docker/{ID}/docker/{inner}");
        assert_eq!(parse(path.as_bytes()).container.map(|c| c.id), Some(inner));
    }

    #[test]
    fn upper_case_and_other_lengths_are_no_ids() {
        assert_eq!(parse(format!("/docker/{}", ID.to_uppercase()).as_bytes()).container, None);
        assert_eq!(parse(format!("/docker/{}", &ID[1..]).as_bytes()).container, None);
        assert_eq!(parse(b"/docker/\xff\xfe").container, None);
    }
}
