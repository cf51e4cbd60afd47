//! The agent's own accounts, with a reader that is paused.

use std::{process::Command, time::Duration};

use tracego::{
    agent::{self, Agent, AgentOptions},
    metrics,
    pipeline::{Pipeline, RunReport},
};
use tracego_analyze::{enrich::ci, inspect};
use tracego_common::{
    KernelSettings, SystemCalls,
    limits::{ARGV_DEFAULT, TASK_CTX_MAX},
    settings::{event, filter},
};
use tracego_deliver::{
    seal::window::Sealer,
    sink::{
        direct::{DirectFormat, DirectOutput},
        lifecycle::Sinks,
    },
};
use tracego_model::job_variables::JOB_VARIABLES;
use tracego_probe::{
    host,
    load::{EnvName, LoadOptions},
};
use tracego_tests::{Memory, Session, records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a ring that is too small loses by the book", ledger),
    ("a reader that sleeps is woken by the next start", woken),
    ("a sign of life carries the counters", heartbeat),
    ("a loss is reported by job", loss_by_job),
    ("processes beyond the table of contexts are a loss of their job", contexts_full),
    ("a start whose arguments do not fit the ring arrives without them", long_in_small_ring),
];

/// Returns options for the whole machine, without the test's own process.
pub(crate) fn options(ring_size: u32, heartbeat: Duration) -> AgentOptions {
    let wanted = event::EXEC | event::EXIT | event::FORK;
    let settings = KernelSettings {
        events: wanted,
        filters: filter::TREE,
        agent_tgid: 0,
        uid: 0,
        cgroup_id: 0,
        comm: [0; 16],
        env_names: 0,
        argv_max: ARGV_DEFAULT,
        cgroup_level: 0,
        generation: 0,
        agent_start: 0,
        unavailable: 0,
        proc_level: 0,
        proc_ns: 0,
        calls: SystemCalls::NONE,
    };
    let opens = |name: &str| JOB_VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, opens)| *opens);
    let env: Vec<EnvName> = ci::names()
        .into_iter()
        .map(|name| EnvName { name: name.to_owned(), opens_job: opens(name) })
        .collect();
    let settings = KernelSettings { env_names: u32::try_from(env.len()).unwrap(), ..settings };
    let load =
        LoadOptions { settings, ring_size, env, contexts: TASK_CTX_MAX, without: Vec::new(), handover: None };
    let (inspect, metrics) = (inspect::InspectOptions::default(), metrics::MetricsOptions::default());
    AgentOptions {
        provenance: None,
        load,
        heartbeat,
        inventory: false,
        inspect,
        metrics,
        sinks: Sinks::default(),
        enforce: tracego_probe::enforce::Options::default(),
        pods: None,
        confined: false,
    }
}

pub(crate) fn session(options: AgentOptions, work: impl AsyncFnOnce(&mut Agent)) -> (RunReport, String) {
    session_of(options, None, work)
}

/// Runs an agent, with sealed output on request.
pub(crate) fn session_of(
    options: AgentOptions,
    sealer: Option<Sealer>,
    work: impl AsyncFnOnce(&mut Agent),
) -> (RunReport, String) {
    let memory = Memory::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let sink = DirectOutput::new(Box::new(memory.clone()), DirectFormat::JSON);
        let sink = match sealer {
            Some(sealer) => sink.sealed(sealer, false),
            None => sink,
        };
        let wanted = event::EXEC | event::EXIT | event::FORK;
        let pipeline = Pipeline::new(
            host::meta(Vec::new(), false, tracego_probe::host::GivenHost::default()),
            wanted,
            None,
            sink,
        );
        let mut agent = agent::start(options, pipeline).unwrap();
        agent.kernel().follow_agent().unwrap();
        work(&mut agent).await;
        agent.stop().await.unwrap()
    });
    let text = memory.text();
    (report, text)
}

fn ledger() {
    const LIVES: usize = 300;
    let (report, text) = session(options(64 * 1024, Duration::ZERO), async |agent| {
        agent.hold(true);
        for _ in 0..LIVES {
            assert!(Command::new("/bin/true").status().unwrap().success());
        }
        agent.run(tokio::time::sleep(Duration::from_millis(1500))).await.unwrap();
        agent.hold(false);
    });
    let ledger = report.ledger;
    assert!(ledger.balanced(), "{ledger}");
    assert!(ledger.kernel.ring_full > 0, "{ledger}");
    assert_eq!(
        ledger.kernel.hooked,
        ledger.kernel.ring_full
            + ledger.kernel.no_scratch
            + ledger.kernel.filtered
            + ledger.decode_errors
            + ledger.processed
    );
    let all = records(&text);
    let lost: u64 = all
        .iter()
        .filter(|r| r["event_name"] == "tracego.lost")
        .map(|r| r["tracego"]["lost"]["ring_full"].as_u64().unwrap())
        .sum();
    assert_eq!(lost, ledger.kernel.ring_full);
    let events = all.iter().filter(|r| r["event_name"] != "tracego.lost").count();
    assert_eq!(events as u64, ledger.written);
}

fn loss_by_job() {
    let (report, text) = session(options(64 * 1024, Duration::ZERO), async |agent| {
        let start = |program: &str, count: u32| {
            let script = format!("for i in $(seq {count}); do {program}; done");
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &script]).env_remove("CI_JOB_ID");
            shell
        };
        // The job opens while there is room; its later events are lost.
        let mut job = start("sleep 0.3; /bin/true; /bin/true", 20);
        let mut job = job.env("CI_JOB_ID", "4711").spawn().unwrap();
        agent.run(tokio::time::sleep(Duration::from_millis(200))).await.unwrap();
        agent.hold(true);
        assert!(start("/bin/true", 150).status().unwrap().success());
        assert!(job.wait().unwrap().success());
        agent.hold(false);
        agent.run(tokio::time::sleep(Duration::from_millis(1500))).await.unwrap();
    });
    let all = records(&text);
    let lost = |job: bool| -> u64 {
        let lost = all.iter().filter(|r| r["event_name"] == "tracego.lost");
        lost.filter(|r| (r["cicd"]["pipeline"]["task"]["run"]["id"] == "4711") == job)
            .filter_map(|r| r["tracego"]["lost"]["ring_full"].as_u64())
            .sum()
    };
    let (of_job, other) = (lost(true), lost(false));
    assert!(of_job > 0 && other > 0, "{of_job} {other} {}", report.ledger);
    assert_eq!(of_job + other, report.ledger.kernel.ring_full, "{}", report.ledger);
    assert!(report.ledger.balanced(), "{}", report.ledger);
}

/// Fills the table of contexts. Processes that find no room are in no job, which must not pass as whole.
fn contexts_full() {
    const ROOM: u32 = 8;
    let mut options = options(1 << 20, Duration::ZERO);
    options.load.contexts = ROOM;
    let (report, text) = session(options, async |agent| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "for i in $(seq 40); do sleep 1 & done; wait"]).env("CI_JOB_ID", "4712");
        let mut shell = shell.spawn().unwrap();
        agent.run(tokio::time::sleep(Duration::from_millis(2500))).await.unwrap();
        assert!(shell.wait().unwrap().success());
    });
    let kernel = report.ledger.kernel;
    assert!(kernel.context_full >= 30, "{}", report.ledger);
    assert!(kernel.lost() == 0 && !kernel.is_whole(), "{}", report.ledger);
    assert!(
        report.ledger.balanced() && report.ledger.to_string().contains("context_full"),
        "{}",
        report.ledger
    );
    let all = records(&text);
    let lost = |job: bool| -> u64 {
        let lost = all.iter().filter(|r| r["event_name"] == "tracego.lost");
        lost.filter(|r| (r["cicd"]["pipeline"]["task"]["run"]["id"] == "4712") == job)
            .filter_map(|r| r["tracego"]["lost"]["context_full"].as_u64())
            .sum()
    };
    assert!(lost(true) >= 30, "{}", report.ledger);
    assert_eq!(lost(true) + lost(false), kernel.context_full, "{}", report.ledger);
}

/// Starts a program with more arguments than the ring can hold, and one for which there is room only without
/// the end of its arguments.
fn long_in_small_ring() {
    let long = |count: usize| (0..count).map(|n| n.to_string().repeat(100_000)).collect::<Vec<_>>();
    for (ring, count) in [(256 * 1024, 3), (128 * 1024, 2), (64 * 1024, 1)] {
        let mut options = options(ring, Duration::ZERO);
        options.load.settings.argv_max = 6 << 20;
        let (report, text) = session(options, async |agent| {
            assert!(Command::new("/bin/true").args(long(count)).status().unwrap().success());
            agent.run(tokio::time::sleep(Duration::from_millis(1500))).await.unwrap();
        });
        let all = records(&text);
        // Other programs of the machine may start meanwhile.
        let bytes = 10 + count * 100_001;
        let is_own = |r: &&serde_json::Value| r["tracego"]["exec"]["args_bytes"] == bytes;
        let starts = all.iter().filter(|r| r["event_name"] == "tracego.process.start");
        let starts: Vec<_> = starts.filter(is_own).collect();
        assert_eq!(starts.len(), 1, "{ring}: {}", report.ledger);
        let start = starts[0];
        assert_eq!(start["process"]["command_args"][0], "/bin/true", "{ring}");
        assert_eq!(start["tracego"]["exec"]["args_bytes"], 10 + count * 100_001, "{ring}");
        let truncated = &start["tracego"]["completeness"]["truncated"];
        assert_eq!(*truncated, serde_json::json!(["process.command_args"]), "{ring}");
        assert!(report.ledger.kernel.chunk_lost > 0 && report.ledger.kernel.lost() == 0, "{}", report.ledger);
        assert!(report.ledger.balanced(), "{}", report.ledger);
        let lost = all.iter().filter_map(|r| r["tracego"]["lost"]["argv_piece"].as_u64()).sum::<u64>();
        assert_eq!(lost, report.ledger.kernel.chunk_lost, "{}", report.ledger);
    }
}

fn heartbeat() {
    let (_, text) = session(options(1 << 20, Duration::from_millis(500)), async |agent| {
        agent.run(tokio::time::sleep(Duration::from_millis(2500))).await.unwrap();
    });
    let all = records(&text);
    let beats: Vec<_> = all.iter().filter(|r| r["event_name"] == "tracego.heartbeat").collect();
    assert!(!beats.is_empty());
    assert!(beats.iter().all(|r| r["tracego"]["ledger"]["kernel"]["hooked"].is_u64()));
}

/// Checks that a start after a pause is read long before the sleep of the reader would end by itself, which takes a
/// second. The pauses are longer than the time after which the reader sleeps.
fn woken() {
    let script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; /bin/true; done";
    let session = Session::run(&[], &["/bin/sh", "-c", script], |_| {});
    // Seconds of the day.
    let time = |text: &serde_json::Value| {
        let clock = text.as_str().unwrap().split_once('T').unwrap().1.trim_end_matches('Z').split(':');
        clock.fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
    };
    let own = session.of("start").filter(|start| start["process"]["executable"]["name"] == "true");
    let mut delays: Vec<f64> = own
        .map(|start| (time(&start["observed_timestamp"]) - time(&start["timestamp"])).rem_euclid(86_400.0))
        .collect();
    delays.sort_by(f64::total_cmp);
    assert_eq!(delays.len(), 9, "{}", session.stderr());
    assert!(delays[4] < 0.25, "{delays:?}");
}
