//! The processes that the agent itself started, to show that the command of `tracego run` was seen.

use std::collections::BTreeSet;

use tracego_common::flags;
use tracego_model::{event::Event, input::batch::DecodedEvent};

use super::Consumer;

/// Maximum number of processes that are kept. The agent starts one command, and a few programs of its own.
const KEPT: usize = 1024;

/// The processes that the agent itself started and that executed a program. The enforcement check is none of them.
#[derive(Debug, Default)]
pub struct AgentChildren {
    agent: u32,
    /// Process ids, in the initial pid namespace and in the process's own.
    seen: BTreeSet<(u32, u32)>,
    /// Number of program starts that no filter left out.
    judged: u64,
}

impl AgentChildren {
    /// Creates an empty set. `agent`: process id of the agent, as events have it.
    pub(super) fn of(agent: u32) -> Self {
        Self { agent, ..Self::default() }
    }

    /// Adds the processes of a batch.
    pub(super) fn note(&mut self, events: &[DecodedEvent<'_>], stages: &impl Consumer) {
        for event in events.iter().filter_map(|decoded| decoded.event.as_ref().ok()) {
            let Event::Exec(exec) = event else { continue };
            let header = &exec.fixed.header;
            self.judged += u64::from(event.flags() & flags::OUTSIDE == 0 && !stages.is_check(event));
            if header.parent.tgid == self.agent && self.seen.len() < KEPT && !stages.is_check(event) {
                self.seen.insert((header.id.tgid, exec.fixed.vpid));
            }
        }
    }

    /// Whether a program start was seen that no filter left out.
    #[must_use]
    pub fn has_judged(&self) -> bool {
        self.judged > 0
    }

    /// Whether a child of the agent is among them. `pid`: its process id, as fork gave it to the agent.
    #[must_use]
    pub fn saw(&self, pid: u32) -> bool {
        self.seen.iter().any(|&(global, own)| pid == global || pid == own)
    }
}
