//! Containers of Podman: tracego inside of one, and beside them.

mod gone;
mod identity;
mod image;
mod inside;
mod jobs;
pub(crate) mod watch;

use std::{process::Output, sync::OnceLock};

use tracego_tests::podman::{Hierarchies, Owner, Podman, Runtime};

use crate::{ConditionalTest, Test, namespaces::needs_go};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("run in a container of podman finds and kills as outside", inside::go_run as Test, needs_both),
    ("run in a container of podman without capabilities ends with 3", inside::refused, needs_podman),
    ("containers of podman have their id", identity::ids, needs_podman),
    ("containers of podman have their id with cgroup v2 alone", identity::ids_unified, needs_unified),
    ("containers of podman have their id with crun", identity::ids_crun, needs_crun),
    ("containers of a user's podman have their id", identity::ids_rootless, needs_rootless),
    ("a container of podman belongs to the job that its variables name", jobs::jobs, needs_podman),
    ("the image records a machine without root", image::node, image::needs_image),
    ("programs of containers of podman that are gone have their build information", gone::gone, needs_both),
];

/// Options for crun. The program that it loads for devices needs a limit that takes CAP_SYS_RESOURCE to raise; a
/// privileged container has none.
const CRUN: &[&str] = &["--privileged"];

fn needs_podman() -> Option<String> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason = || Podman::reason(Hierarchies::Machine, Runtime::Runc, Owner::Root, &[]);
    REASON.get_or_init(reason).clone()
}

fn needs_unified() -> Option<String> {
    Podman::reason(Hierarchies::Unified, Runtime::Runc, Owner::Root, &[])
}

fn needs_crun() -> Option<String> {
    crun().err()
}

fn needs_rootless() -> Option<String> {
    rootless().err()
}

fn needs_both() -> Option<String> {
    needs_go().or_else(needs_podman)
}

fn crun() -> Result<Hierarchies, String> {
    static WORKS: OnceLock<Result<Hierarchies, String>> = OnceLock::new();
    WORKS.get_or_init(|| works(Owner::Root)).clone()
}

fn rootless() -> Result<Hierarchies, String> {
    static WORKS: OnceLock<Result<Hierarchies, String>> = OnceLock::new();
    WORKS.get_or_init(|| works(Owner::User)).clone()
}

/// Returns the hierarchies that crun can run containers with: it refuses those of some machines with both
/// versions of cgroups.
fn works(owner: Owner) -> Result<Hierarchies, String> {
    let reason = |hierarchies| Podman::reason(hierarchies, Runtime::Crun, owner, CRUN);
    let Some(first) = reason(Hierarchies::Machine) else { return Ok(Hierarchies::Machine) };
    let Some(second) = reason(Hierarchies::Unified) else { return Ok(Hierarchies::Unified) };
    Err(format!("{first}; {second}"))
}

fn podman() -> Podman {
    Podman::new(Hierarchies::Machine, Runtime::Runc, Owner::Root).unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
