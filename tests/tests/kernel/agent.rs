//! The agent's own accounts, with a reader that is held still.

use std::{
    io,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use tracego::{
    agent::{Agent, Options, Report},
    host,
    kernel::load::LoadOptions,
    pipeline::Pipeline,
    sink::{Format, Sink},
};
use tracego_common::{
    Settings,
    limits::ARGV_DEFAULT,
    settings::{event, filter},
};
use tracego_tests::records;

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a ring that is too small loses by the book", ledger),
    ("a sign of life carries the counters", heartbeat),
];

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything of this machine: nothing is filtered but the test's own process.
fn options(ring_size: u32, heartbeat: Duration) -> Options {
    let wanted = event::EXEC | event::EXIT | event::FORK;
    let settings = Settings {
        events: wanted,
        filters: filter::TREE,
        agent_tgid: 0,
        uid: 0,
        cgroup_id: 0,
        comm: [0; 16],
        env_names: 0,
        argv_max: ARGV_DEFAULT,
        cgroup_level: 0,
        pad: 0,
    };
    let load = LoadOptions { settings, ring_size, env: Vec::new() };
    Options { load, heartbeat }
}

fn session(options: Options, work: impl AsyncFnOnce(&mut Agent)) -> (Report, String) {
    let memory = Memory::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let sink = Sink::new(Box::new(memory.clone()), Format::Json);
        let wanted = event::EXEC | event::EXIT | event::FORK;
        let pipeline = Pipeline::new(host::meta(Vec::new(), false), wanted, sink);
        let mut agent = Agent::start(options, pipeline).unwrap();
        agent.kernel().follow(std::process::id()).unwrap();
        work(&mut agent).await;
        agent.stop().await.unwrap()
    });
    let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
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

fn heartbeat() {
    let (_, text) = session(options(1 << 20, Duration::from_millis(500)), async |agent| {
        agent.run(tokio::time::sleep(Duration::from_millis(2500))).await.unwrap();
    });
    let all = records(&text);
    let beats: Vec<_> = all.iter().filter(|r| r["event_name"] == "tracego.heartbeat").collect();
    assert!(!beats.is_empty());
    assert!(beats.iter().all(|r| r["tracego"]["ledger"]["kernel"]["hooked"].is_u64()));
}
