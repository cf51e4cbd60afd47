//! Payloads → requests, and what became of each record.

use std::{collections::HashSet, ops::Range};

use super::{
    answer::Answer,
    client::Client,
    env::{Error, Resolved},
    payload::{Payload, Written},
};
use crate::{
    format::otlp::{Encoding, Request},
    sink::{
        deliver::{Delivered, Trouble},
        halve::Parts,
    },
};

/// Texts of receivers that are remembered, so that each is told once.
const REMEMBERED: usize = 100;

/// Sends records to one receiver.
pub struct Otlp {
    client: Client,
    request: Request,
    batch_bytes: usize,
    batch_records: usize,
    told: HashSet<String>,
}

/// A record of a batch in the encoding that goes out, or why there is none.
type Piece<'a> = Result<Written<'a>, String>;

impl Otlp {
    /// Reads certificates; connects to nothing yet.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn new(resolved: &Resolved) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(resolved)?,
            request: Request::new(resolved.protocol.encoding()),
            batch_bytes: resolved.batch_bytes,
            batch_records: resolved.batch_records,
            told: HashSet::new(),
        })
    }

    /// Sends a batch, in as many requests as its size asks for.
    ///
    /// A request that is refused for good is halved, down to the one record that is refused: no other
    /// goes with it. Before that, a request without records asks whether the receiver refuses everything:
    /// then the mistake is not in the records, and they wait.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        self.send_all(batch, false).await
    }

    /// Sends a batch; a record that the receiver fails at while it takes others is given up, one a call.
    pub async fn isolate(&mut self, batch: &[&[u8]]) -> Delivered {
        self.send_all(batch, true).await
    }

    async fn send_all(&mut self, batch: &[&[u8]], isolate: bool) -> Delivered {
        let encoding = self.client.encoding();
        let pieces: Vec<_> = batch.iter().map(|payload| piece(payload, encoding)).collect();
        let mut parts = Parts::new(batch.len(), isolate);
        let requests = self.cut(&pieces);
        let mut sound = false;
        let mut ask = async |range: Range<usize>| self.ask(&pieces[range], &mut sound).await;
        for request in requests {
            if !parts.send(request, &mut ask).await {
                break;
            }
        }
        parts.delivered()
    }

    /// Sends one request. `sound`: the receiver has shown that it does not refuse everything.
    async fn ask(&mut self, pieces: &[Piece<'_>], sound: &mut bool) -> Answer {
        // What cannot be read stands alone.
        if let [Err(why)] = pieces {
            return Answer::Never(why.clone());
        }
        let answer = self.send(pieces).await;
        match &answer {
            Answer::Again(_) => return answer,
            Answer::Never(_) if *sound => {}
            Answer::Never(why) => {
                if let Some(trouble) = self.probe(why).await {
                    return Answer::Again(trouble);
                }
            }
            Answer::Taken { rejected, message } => {
                if *rejected == 0 {
                    self.heed(message);
                }
            }
        }
        *sound = true;
        answer
    }

    /// Reads certificates again. Where they cannot be used, those before stay.
    pub fn reopen(&mut self) {
        if let Err(error) = self.client.reopen() {
            tracing::error!(%error, "OTLP: the certificates before stay in use");
        }
    }

    /// Ends the connection; what was delivered is delivered.
    pub async fn close(&mut self) {
        self.client.close().await;
    }

    /// Requests of a bounded size. What cannot be read stands alone, so that it is refused in its place.
    fn cut(&self, pieces: &[Piece]) -> Vec<Range<usize>> {
        let mut all: Vec<Range<usize>> = Vec::new();
        let mut bytes = 0;
        let mut open = false;
        for (n, piece) in pieces.iter().enumerate() {
            let size = piece.as_ref().map_or(0, |(resource, record)| resource.len() + record.len());
            match all.last_mut() {
                Some(range)
                    if open
                        && piece.is_ok()
                        && range.len() < self.batch_records
                        && bytes + size <= self.batch_bytes =>
                {
                    range.end = n + 1;
                    bytes += size;
                }
                _ => {
                    all.push(n..n + 1);
                    bytes = size;
                    open = piece.is_ok();
                }
            }
        }
        all
    }

    async fn send(&mut self, pieces: &[Piece<'_>]) -> Answer {
        for (resource, record) in pieces.iter().flatten() {
            self.request.push(resource, record);
        }
        let mut message = Vec::with_capacity(self.request.size() + self.request.size() / 8);
        self.request.finish(&mut message);
        self.client.export(message).await
    }

    /// Whether a receiver that refused a request refuses one without records, too: another protocol, a
    /// compression that it lacks, no OTLP receiver at all. One that is sound takes it (OTLP specification:
    /// "if the server receives an empty request it should respond with success").
    async fn probe(&mut self, refused: &str) -> Option<Trouble> {
        let message = match self.client.encoding() {
            // One `ResourceLogs` without anything: some servers take no body for no request.
            Encoding::Protobuf => vec![0x0a, 0],
            Encoding::Json => b"{\"resourceLogs\":[]}".to_vec(),
        };
        match self.client.export(message).await {
            Answer::Taken { .. } => None,
            Answer::Again(trouble) => Some(trouble),
            Answer::Never(why) => Some(Trouble::new(format!(
                "{}: {refused}; a request without records is refused as well ({why}), so the records wait",
                self.client.endpoint()
            ))),
        }
    }

    /// What a receiver that took everything wants to be known.
    fn heed(&mut self, message: &str) {
        if !message.is_empty() && self.told.len() < REMEMBERED && self.told.insert(message.to_owned()) {
            tracing::warn!(endpoint = %self.client.endpoint(), message, "the OTLP receiver warns");
        }
    }
}

/// What a queue gave back, in the encoding that goes out.
fn piece(payload: &[u8], encoding: Encoding) -> Piece<'_> {
    Payload::parse(payload)?.to(encoding)
}
