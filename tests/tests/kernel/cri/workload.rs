//! A pod of GitLab's executor whose job starts programs that end at once.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tracego_tests::cri::ImageFolder;

pub(super) const IMAGE: &str = "docker.io/local/work:1";
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Returns the uid of a pod that no other test has, from the number of its node and its own.
pub(super) fn uid(node: u32, n: u32) -> String {
    let n = (node << 12) | n;
    format!("5d0c7b1e-2222-4333-8444-{:06x}{n:06x}", std::process::id() & 0xff_ffff)
}

/// Makes an image with a shell and so many programs, each a file of its own.
pub(super) fn image(programs: usize) -> ImageFolder {
    let image = ImageFolder::new(&["/bin/sh", "/bin/sleep", "/bin/true"].map(Into::into));
    fs::write(image.root().join("etc/passwd"), "builder:x:0:0::/:/bin/sh\n").unwrap();
    for n in 0..programs {
        let folder = image.root().join(format!("programs/{n}"));
        fs::create_dir_all(&folder).unwrap();
        fs::copy("/bin/true", folder.join("short")).unwrap();
    }
    image
}

/// Returns the pod as GitLab's runner makes it. The job's container, `build`, and another one without the job's
/// variables, `helper`, wait for the file `go` in a folder, and then run a script each.
pub(super) fn pod(uid: &str, script: &str, folder: &Path) -> Value {
    let script = format!("until [ -e /gate/go ]; do sleep 0.05; done; {script}");
    let variables = [
        ("GITLAB_CI", "true"),
        ("CI_JOB_ID", "4711"),
        ("CI_PIPELINE_ID", "815"),
        ("CI_COMMIT_SHA", COMMIT),
        ("CI_PROJECT_URL", "https://gitlab.example/shop/api"),
    ];
    let variables = variables.map(|(name, value)| json!({"name": name, "value": value}));
    let container = |name: &str, variables: &[Value]| {
        json!({
            "name": name, "image": IMAGE, "command": ["/bin/sh", "-c", script], "env": variables,
            "volumeMounts": [{"name": "gate", "mountPath": "/gate", "readOnly": true}],
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "runner-7-project-1-concurrent-0-x", "namespace": "ci", "uid": uid,
            "labels": {
                "job.runner.gitlab.com/pod": "runner-7-project-1-concurrent-0",
                "project.runner.gitlab.com/namespace": "shop",
                "project.runner.gitlab.com/name": "api",
            },
            "annotations": {
                "job.runner.gitlab.com/id": "4711",
                "job.runner.gitlab.com/url": "https://gitlab.example/shop/api/-/jobs/4711",
                "job.runner.gitlab.com/sha": COMMIT,
            },
        },
        "spec": {
            "nodeName": "node-1",
            "automountServiceAccountToken": false,
            "containers": [container("build", &variables), container("helper", &[])],
            "volumes": [{"name": "gate", "hostPath": {"path": folder}}],
        },
        "status": {"phase": "Pending"},
    })
}
