//! The start of a run: the kernel side, the pipeline's thread, and the reader last.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tracego_analyze::inspect::{
    FileWorkers, InspectOptions, Inspector,
    inventory::{self, InventorySettings, InventoryStatus},
    proc::procfs::Procfs,
    service::watcher::ServiceWatcher,
};
use tracego_model::{clock::Reading, enforcement::Mode, input::Input};
use tracego_probe::{
    enforce::{Enforcer, killer::Killer, maps::RuleTables},
    host,
    load::load,
    precedence,
    ring::reader::{POLL, POLL_ENFORCING, RingReader, SpaceRelease},
};

use super::{Agent, AgentOptions, clock_steps, memory, pods};
use crate::{
    cli::{ListenAddress, UsageError},
    metrics::{Board, otlp::Pusher, server::Server},
    pipeline::{Consumer, PipelineThread},
    provenance::ProvenanceStage,
};

/// Maximum number of waiting inputs; a full queue stops the reader, and then the ring fills.
const QUEUE: usize = 64;

/// Loads and attaches the programs, and starts to write records. Running processes are looked up after
/// attaching, so that none is missed.
///
/// # Errors
/// Fails if the kernel side or a thread cannot be started, or if the address of the metrics cannot be
/// used.
pub fn start(options: AgentOptions, mut stages: impl Consumer + Send + 'static) -> anyhow::Result<Agent> {
    // First: what they do is not to be recorded, and they hold nothing of the agent open.
    let files = FileWorkers::start().context("the workers that read files did not start")?;
    let board = Arc::new(Board::new(options.load.ring_size, options.metrics.config));
    let server = options.metrics.listen.map(|listen| serve(&listen, &board)).transpose()?;
    let push = options.metrics.push.map(|settings| Pusher::start(settings, Arc::clone(&board)));
    let pusher = push.transpose().context("--otlp-metrics").map_err(UsageError::of)?;
    let mode = options.enforce.mode;
    let mut loaded = load(&options.load, mode)?;
    let pids = loaded.contexts().proc_pids();
    let agent = loaded.contexts().agent();
    stages.set_agent(agent.tgid);
    stages.set_privileges(Arc::clone(board.privileges()));
    stages.set_bpf_object(loaded.object.name());
    for field in &loaded.missing {
        tracing::debug!(field, "not in this kernel");
    }
    let enforcer = match mode {
        Mode::Off => None,
        _ => {
            if mode >= Mode::Kill && !options.enforce.tree && agent.proc_level != 0 {
                tracing::warn!(
                    "tracego is in a pid namespace: of the processes that findings and policies stop after their \
                     start, those outside of jobs cannot be killed"
                );
            }
            let (tables, remembered) = RuleTables::take(&mut loaded)?;
            let (enforce, shared) = (&options.enforce.enforce, &options.enforce.shared);
            board.set_enforcement(Arc::clone(shared.status()));
            let after = Killer::new(enforce, mode, remembered, Arc::clone(shared));
            stages.set_enforcement(after);
            let why_no_deny = loaded.why_no_deny().map(str::to_owned);
            let generation = loaded.inherited().takeover.generation;
            Some(Enforcer::start(options.enforce, tables, generation, why_no_deny)?)
        }
    };
    let ring = loaded.take_ring()?;
    let keeper = loaded.keeper(&ring)?;
    let mut rings = std::mem::take(&mut loaded.inherited().rings);
    rings.push(ring);
    let (queue, input) = mpsc::channel(QUEUE);
    options.sinks.connect(queue.downgrade());
    board.set_sinks(options.sinks.statuses());
    clock_steps::watch();
    let watcher = options.inspect.services.map(|settings| {
        ServiceWatcher::start(settings, Procfs::default().with_pids(pids.clone()), queue.downgrade())
    });
    let watcher = watcher.transpose().context("the thread that checks services did not start")?;
    let (watcher, services) = watcher.unzip();
    if let Some(options) = options.pods {
        let status = pods::start(options, queue.downgrade()).context("the watch of pods did not start")?;
        board.set_pods(Arc::clone(&status));
        stages.set_pods(status);
    }
    if let Some((settings, provenance)) = options.provenance {
        let stage = ProvenanceStage::start(settings, provenance, queue.downgrade());
        stages.set_provenance(stage.context("the thread that judges executables did not start")?);
    }
    // In another pid namespace, /proc has other numbers than events.
    let inventory = (options.inventory && agent.proc_level == 0).then(Arc::<InventoryStatus>::default);
    if let Some(status) = &inventory {
        board.set_inventory(Arc::clone(status));
        stages.set_inventory(Arc::clone(status));
    }
    let mut pipeline = JoinSet::new();
    let inspect = InspectOptions { pids, queue: Some(queue.downgrade()), ..options.inspect };
    let (reloads, settings) = std::sync::mpsc::channel();
    stages.set_reloads(settings);
    let board_of_pipeline = Arc::clone(&board);
    pipeline.spawn_blocking(move || {
        if mode >= Mode::Kill {
            precedence::take();
        }
        let inspector = Inspector::new(inspect, files, watcher);
        PipelineThread::new(stages, inspector, keeper, board_of_pipeline, agent.tgid).run(input)
    });
    let room = if loaded.is_handed_over() {
        let takeover = Input::Takeover(loaded.inherited().takeover, Reading::now());
        queue.try_send(takeover).ok().context("the pipeline did not start")?;
        SpaceRelease::Later
    } else {
        SpaceRelease::AtOnce
    };
    let seed = Input::Seed(host::processes(&agent), Reading::now());
    queue.try_send(seed).ok().context("the pipeline did not start")?;
    if let Some(status) = inventory {
        let variables = options.load.env.iter().map(|variable| variable.name.clone()).collect();
        let settings = InventorySettings { kernel: options.load.settings, variables };
        // It ends by itself.
        inventory::start(settings, Procfs::default(), queue.downgrade(), status)
            .context("the thread that reads running programs did not start")?;
    }
    let pause = if mode >= Mode::Kill { POLL_ENFORCING } else { POLL };
    let reader = RingReader::start(rings, room, queue.clone(), Arc::clone(&board.reader), pause)
        .context("the reader did not start")?;
    // The reader is at work: the start does not wait for this.
    memory::give_back();
    let beat = Instant::now() + options.heartbeat;
    board.set_attached(true);
    let heartbeat = options.heartbeat;
    let sinks = options.sinks;
    Ok(Agent {
        loaded,
        reader,
        services,
        queue,
        reloads,
        pipeline,
        heartbeat,
        beat,
        board,
        server,
        pusher,
        sinks,
        enforcer,
        confined: options.confined,
    })
}

/// Starts the server of metrics and health.
fn serve(listen: &ListenAddress, board: &Arc<Board>) -> anyhow::Result<Server> {
    let server = Server::start(listen, Arc::clone(board)).with_context(|| format!("--listen {listen}"));
    let server = server.map_err(UsageError::of)?;
    let address = server.address();
    if address.is_remote() {
        tracing::warn!(%address, "metrics are served to other machines, without a password and in the clear");
    } else {
        tracing::info!(%address, "metrics are served");
    }
    Ok(server)
}
