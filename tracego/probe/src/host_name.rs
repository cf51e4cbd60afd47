//! The name of the machine, where tracego's own host name is that of a pod or a container.

use std::{fs, path::Path};

use super::host_root::HostRoot;

/// Variables that give the name of the node in a pod, besides the option. OpenTelemetry's examples use the first.
const NODE: &str = "K8S_NODE_NAME";
/// The name that many charts use. Jenkins gives it another meaning, so it counts only in a pod that is no agent of Jenkins.
const CHARTS: &str = "NODE_NAME";

/// Returns the name of the machine: the given one, that of the node, or that of the kernel. A tracego with a host name of
/// its own, as in a container, takes the name from /etc/hostname of the machine.
pub(crate) fn host_name(given: Option<&str>, root: &HostRoot) -> String {
    let variable = |name: &str| std::env::var(name).ok();
    named(given, variable).unwrap_or_else(|| {
        let kernel = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        if has_own_name(root) { of_file(root).unwrap_or(kernel) } else { kernel }
    })
}

/// Returns the name that the option or the environment gives.
fn named(given: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let in_pod = || set("KUBERNETES_SERVICE_HOST").is_some() && set("JENKINS_URL").is_none();
    let name = given.map(str::to_owned).or_else(|| set(NODE)).or_else(|| set(CHARTS).filter(|_| in_pod()));
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Whether tracego's host name is another one than the machine's.
fn has_own_name(root: &HostRoot) -> bool {
    let link = |process: &Path| fs::read_link(process.join("ns/uts")).ok();
    let machine = root.process().and_then(link);
    machine.is_some() && machine != link(Path::new("/proc/self"))
}

/// Returns the name in the machine's /etc/hostname, whose other lines are comments (hostname(5)).
fn of_file(root: &HostRoot) -> Option<String> {
    let HostRoot::Init(_) = root else { return None };
    let text = root.text("/etc/hostname");
    let name = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_comes_first_and_jenkins_names_no_node() {
        let name = |given: Option<&str>, variables: &[(&str, &str)]| {
            named(given, |wanted| {
                variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
            })
        };
        let pod = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        assert_eq!(name(Some("a"), &[(NODE, "b")]).as_deref(), Some("a"));
        assert_eq!(name(None, &[(NODE, " b\n"), (CHARTS, "c"), pod]).as_deref(), Some("b"));
        assert_eq!(name(None, &[(CHARTS, "c"), pod]).as_deref(), Some("c"));
        assert_eq!(name(None, &[(CHARTS, "c")]), None);
        assert_eq!(name(None, &[(CHARTS, "c"), pod, ("JENKINS_URL", "https://ci")]), None);
        assert_eq!(name(None, &[(NODE, ""), (CHARTS, " "), pod]), None);
    }

    #[test]
    fn the_name_of_a_file_is_its_first_line_that_is_no_comment() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        let write = |text: &str| fs::write(folder.path().join("etc/hostname"), text).unwrap();
        let root = HostRoot::Init(folder.path().to_owned());
        assert_eq!(of_file(&root), None);
        write("# a comment\n\nnode-7\n");
        assert_eq!(of_file(&root).as_deref(), Some("node-7"));
        write("# nothing\n");
        assert_eq!(of_file(&root), None);
        assert_eq!(of_file(&HostRoot::Own), None);
    }
}
