//! The state that the lines of a source lead to.

use tracego_report::live::LiveState;
use tracego_top::moment::SourceNote;

use super::{
    agent_child::AgentChild,
    record_source::{RecordSource, SourceMessage},
};

/// The reader of a source.
pub(super) struct SourceReader {
    /// State so far.
    pub(super) state: LiveState,
    /// Reason for which the source ended early.
    pub(super) failure: Option<String>,
    /// The tracego that records, if it is ours.
    pub(super) agent: Option<AgentChild>,
    source: RecordSource,
    is_caught_up: bool,
    has_ended: bool,
}

impl SourceReader {
    /// Creates a reader.
    pub(super) fn new(source: RecordSource, agent: Option<AgentChild>) -> Self {
        Self {
            state: LiveState::default(),
            failure: None,
            agent,
            source,
            is_caught_up: false,
            has_ended: false,
        }
    }

    /// Whether the source has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether all that was there at the beginning is read.
    pub(super) fn is_caught_up(&self) -> bool {
        self.is_caught_up || self.has_ended
    }

    /// Whether records come from a pipe, which is never caught up with.
    pub(super) fn is_of_agent(&self) -> bool {
        self.agent.is_some()
    }

    /// Waits for a message and takes it. Never returns behind the end of the source. Nothing is lost if the future is
    /// dropped.
    pub(super) async fn read(&mut self) {
        if self.has_ended {
            std::future::pending::<()>().await;
        }
        match self.source.messages.recv().await {
            Some(SourceMessage::Lines(file, lines)) => {
                for line in lines {
                    // A line that is no record is counted and named by the state.
                    let _named = self.state.take(&line.bytes, &file, line.number);
                }
            }
            Some(SourceMessage::CaughtUp) => self.is_caught_up = true,
            Some(SourceMessage::Failed(reason)) => self.failure = Some(reason),
            None => self.has_ended = true,
        }
    }

    /// Returns the message about the source.
    pub(super) fn note(&mut self) -> Option<SourceNote> {
        let bad = |text: String| Some(SourceNote { text, is_bad: true });
        if let Some(failure) = &self.failure {
            return bad(failure.clone());
        }
        if self.has_ended {
            return match self.agent.as_mut().map(AgentChild::last_words) {
                Some(words) if words.is_empty() => bad("tracego ended".to_owned()),
                Some(words) => bad(format!("tracego ended: {words}")),
                None => Some(SourceNote { text: "The input has ended".to_owned(), is_bad: false }),
            };
        }
        let text = match (self.state.newest, self.is_caught_up, &self.agent) {
            (None, ..) => "Waiting for the first record".to_owned(),
            (_, false, None) => format!("Reading: {} records", self.state.completeness.records),
            _ => return None,
        };
        Some(SourceNote { text, is_bad: false })
    }
}
