//! The pod of the chart in containerd, made with kubelet's requests, beside a pod of a CI job.
//!
//! The image is made of the program under test. `TRACEGO_TEST_IMAGE` names an archive of `cargo xtask image` instead, as
//! `cargo xtask cri` does.

mod cost;
mod node;
mod workload;

use std::sync::OnceLock;

use tracego_tests::{
    chart::ChartTools,
    cri::{Containerd, NodePod, PodVolumes},
};

use crate::{ConditionalTest, Test};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    (
        "the pod of the chart in containerd records short programs of a pod beside it",
        node::recorded as Test,
        needs,
    ),
    (
        "the pod of the chart in containerd says that its image gives no rights",
        node::without_attributes,
        needs,
    ),
    ("the pod of the chart in containerd stays within its memory limit", cost::limited, needs),
];

fn needs() -> Option<String> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    REASON.get_or_init(|| tried().err()).clone()
}

/// Runs a pod that does nothing.
fn tried() -> Result<(), String> {
    let _tools = ChartTools::ready()?;
    let containerd = Containerd::start()?;
    let image = workload::image(0);
    containerd.import(&image, workload::IMAGE)?;
    let pod = workload::pod(&workload::uid(0, 0), "exit 0", containerd.folder());
    let pod = NodePod::start(&containerd, pod, &PodVolumes::default())?;
    drop(pod);
    Ok(())
}
