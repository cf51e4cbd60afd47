//! Memory and processor time of the chart's pod, with 20 starts a second on its node.

use std::{
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use tracego_tests::{
    cri::{NodePod, PodVolumes},
    kube_api::PodDescription,
    wait_until,
};

use super::{
    node::{Node, written},
    workload,
};

/// The limit of the chart.
const LIMIT: u64 = 64 << 20;
/// Pods of the node: kubelet allows 110 by default.
const PODS: usize = 110;
/// Number of starts of the job's programs: 20 seconds of them.
const STARTS: usize = 400;
/// A time after which the test has failed, on a machine as slow as may be.
const HANGS: Duration = Duration::from_secs(300);

/// The cgroups of tracego's container.
struct Usage {
    folders: Vec<PathBuf>,
}

impl Usage {
    fn new(agent: &NodePod<'_>, uid: &str) -> Self {
        let below = format!("kubepods/burstable/pod{}/{}", uid, agent.id("tracego"));
        let roots =
            ["", "memory", "cpuacct", "cpu,cpuacct"].map(|tree| PathBuf::from("/sys/fs/cgroup").join(tree));
        Self {
            folders: roots
                .map(|root| root.join(&below))
                .into_iter()
                .filter(|folder| folder.exists())
                .collect(),
        }
    }

    /// Returns the content of the first of these files: of version 2 of cgroups, or of version 1.
    fn text(&self, names: [&str; 2]) -> String {
        let paths = self.folders.iter().flat_map(|folder| names.map(|name| folder.join(name)));
        paths
            .into_iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .unwrap_or_else(|| panic!("{names:?}"))
    }

    fn number(&self, names: [&str; 2]) -> u64 {
        self.text(names).trim().parse().unwrap()
    }

    /// Returns the processor time so far.
    fn processor(&self) -> Duration {
        let text = self.text(["cpu.stat", "cpuacct.usage"]);
        match text.lines().find_map(|line| line.strip_prefix("usage_usec ")) {
            Some(micros) => Duration::from_micros(micros.parse().unwrap()),
            None => Duration::from_nanos(self.number(["cpuacct.usage"; 2])),
        }
    }

    /// Returns the number of processes that the limit ended.
    fn kills(&self) -> u64 {
        let text = self.text(["memory.events", "memory.oom_control"]);
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")).unwrap().parse().unwrap()
    }
}

/// Returns the most memory that a process had resident, in bytes.
fn resident(pid: u64) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

pub(super) fn limited() {
    let node = Node::start(1);
    for n in 0..PODS {
        let pod = PodDescription::new(
            "node-1",
            "ci",
            &format!("idle-{n}"),
            &node.uid(100 + u32::try_from(n).unwrap()),
        );
        node.api.put(&pod);
    }
    // The values of the chart, as they are.
    let agent = node.agent("");
    let usage = Usage::new(&agent, &node.uid(1));
    assert_eq!(usage.number(["memory.max", "memory.limit_in_bytes"]), LIMIT);
    let ready = usage.number(["memory.peak", "memory.max_usage_in_bytes"]);
    let gate = tempfile::tempdir().unwrap();
    // Two containers, five rounds a second each, with two programs each.
    let script = "while :; do /programs/0/short; sleep 0.2; done";
    let pod = workload::pod(&node.uid(2), script, gate.path());
    node.api.put_json(pod.clone());
    let work = NodePod::start(&node.containerd, pod, &PodVolumes::default()).unwrap();
    node.api.put_json(work.reported());
    fs::write(gate.path().join("go"), "").unwrap();
    let starts = || {
        let all = written(&agent).into_iter();
        all.filter(|record| {
            record["event_name"] == "tracego.process.start" && record["k8s"]["pod"]["uid"] == node.uid(2)
        })
        .count()
    };
    wait_until("the programs run", || starts() > 0);
    let (began, before, first) = (Instant::now(), usage.processor(), starts());
    while starts() < first + STARTS {
        assert!(began.elapsed() < HANGS, "{} starts", starts() - first);
        sleep(Duration::from_millis(100));
    }
    let (used, elapsed) = (usage.processor() - before, began.elapsed());
    let seen = starts() - first;
    let peak = usage.number(["memory.peak", "memory.max_usage_in_bytes"]);
    let mib = |bytes: u64| f64::from(u32::try_from(bytes >> 10).unwrap()) / 1024.0;
    let state = agent.state("tracego");
    assert_eq!((state.exit_code, usage.kills()), (None, 0), "{state:?}: {}", agent.log("tracego", "stderr"));
    let rate = f64::from(u32::try_from(seen).unwrap()) / elapsed.as_secs_f64();
    eprintln!(
        "the chart's pod at {rate:.1} starts a second of a job: memory {:.1} MiB when ready, {:.1} MiB at most of {} MiB; \
         resident in its first process {:.1} MiB at most; {:.2} % of a processor",
        mib(ready),
        mib(peak),
        LIMIT >> 20,
        mib(resident(agent.process("tracego"))),
        100.0 * used.as_secs_f64() / elapsed.as_secs_f64(),
    );
    agent.stop("tracego", 20);
    let state = agent.state("tracego");
    assert_eq!(
        (state.exit_code, state.reason.as_str()),
        (Some(0), "Completed"),
        "{}",
        agent.log("tracego", "stderr")
    );
}
