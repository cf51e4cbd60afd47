//! Kafka sink: batches of records to the partition of this machine's key, acknowledged by all replicas in sync.
//!
//! The key of a message is `host.id`, and its partition the one that Kafka's own clients choose for the key: the records
//! of a machine are in one partition, in order. A batch without an answer is sent again, so a record may be there twice,
//! with the same header `uid`.
//!
//! | answer | what happens |
//! |---|---|
//! | no error | taken |
//! | no answer, not the leader, too few replicas and others of the cluster | retried, once at once with the partitions asked for anew |
//! | unknown topic, missing rights, wrong mechanism, compression or version | retried until topic or settings are right |
//! | wrong password | retried; the password is read anew |
//! | too large, wrong time, refused by the broker | split in halves, down to the record at fault: refused |
//!
//! The protocol is small for a sink that only writes: four requests, in versions that Kafka 2.1 to 4 share. The client
//! rskafka, which has them too, sends a batch again that a broker with a quota has taken and answers with a time to wait.

mod broker_connection;
mod broker_failure;
mod message;
mod partitioner;
mod protocol;
mod record_batch;
mod scram;
mod settings;
mod topic_writer;
mod wire;

use std::{ops::Range, sync::Arc};

pub use self::settings::{BrokerAddress, KafkaCompression, KafkaSettings, SaslMechanism};
use self::{
    broker_connection::{BrokerCredentials, BrokerTls},
    broker_failure::{BrokerFailure, FailureClass},
    message::MessageFrame,
    topic_writer::TopicWriter,
};
use super::delivery::{
    DeliveryResult,
    batch_split::{BatchSplit, RequestOutcome},
};

/// Size in bytes below which batches are not reduced for a broker that finds them too large.
const LEAST: usize = 4096;

/// Kafka transport. Connects when there is something to deliver.
pub struct KafkaTransport {
    settings: KafkaSettings,
    /// Key of records that name no machine.
    host_id: Arc<str>,
    tls: Option<BrokerTls>,
    credentials: Option<BrokerCredentials>,
    writer: Option<TopicWriter>,
    /// Maximum size of a batch in bytes: `batch-bytes`, or less after a broker found one too large.
    bytes: usize,
    /// Whether a broker has taken a record.
    proven: bool,
}

impl KafkaTransport {
    /// Creates a transport for the records of the machine `host_id`. Does not connect yet.
    ///
    /// # Errors
    /// Fails if the settings are invalid or a file cannot be read. The error names the key.
    pub fn new(settings: &KafkaSettings, host_id: &str) -> Result<Self, String> {
        settings.check()?;
        let tls = match &settings.tls {
            None => None,
            Some(tls) => {
                let config = Arc::new(tls.client(&[]).map_err(|error| error.to_string())?);
                Some(BrokerTls { config, server_name: tls.server_name.clone() })
            }
        };
        Ok(Self {
            settings: settings.clone(),
            host_id: host_id.into(),
            tls,
            credentials: credentials(settings)?,
            writer: None,
            bytes: usize::try_from(settings.batch_bytes.0).unwrap_or(usize::MAX),
            proven: false,
        })
    }

    /// Sends records in batches of the configured size. Returns what became of them.
    pub async fn deliver(&mut self, records: &[&[u8]]) -> DeliveryResult {
        self.send_all(records, false).await
    }

    /// Sends records like [`deliver`](Self::deliver), but gives up a record that the brokers fail at while they take
    /// others, at most one per call.
    pub async fn isolate(&mut self, records: &[&[u8]]) -> DeliveryResult {
        self.send_all(records, true).await
    }

    async fn send_all(&mut self, records: &[&[u8]], isolate: bool) -> DeliveryResult {
        let frames: Vec<MessageFrame> =
            records.iter().map(|record| MessageFrame::of(record, &self.host_id)).collect();
        let mut parts = BatchSplit::new(records.len(), isolate, self.proven);
        while parts.done() < records.len() {
            let batch = parts.done()..self.end(records, &frames, parts.done());
            let mut ask = async |range: Range<usize>| {
                let sent = &records[range.clone()];
                let answer = self.send(&frames[range], sent).await;
                self.outcome(answer, sent).await
            };
            if !parts.send(batch, &mut ask).await {
                break;
            }
        }
        self.proven = parts.is_proven();
        parts.delivered()
    }

    /// Returns the end of the batch that starts with the record `start`; it has at least that record, and one key.
    fn end(&self, records: &[&[u8]], frames: &[MessageFrame], start: usize) -> usize {
        let mut room = self.bytes;
        let key = frames.get(start).map(|frame| &frame.key);
        let pairs = records[start..].iter().zip(&frames[start..]).take(self.settings.batch_records);
        let fitting = pairs.take_while(|(record, frame)| {
            let left = room.checked_sub(record.len());
            room = left.unwrap_or(0);
            left.is_some() && Some(&frame.key) == key
        });
        start + fitting.count().max(1)
    }

    /// Sends one batch. A connection that was kept may be dead, and a leader another one by now: then the partitions are
    /// asked for anew, and the batch is sent once more.
    async fn send(&mut self, frames: &[MessageFrame], records: &[&[u8]]) -> Result<(), BrokerFailure> {
        let is_kept = self.writer.as_ref().is_some_and(|writer| !writer.is_old());
        match self.send_once(frames, records).await {
            Err(failure) if failure.class == FailureClass::Again && is_kept => {
                self.send_once(frames, records).await
            }
            answer => answer,
        }
    }

    async fn send_once(&mut self, frames: &[MessageFrame], records: &[&[u8]]) -> Result<(), BrokerFailure> {
        // The writer is taken out while it is in use: a connection that was abandoned half way is never used again.
        let kept = self.writer.take().filter(|writer| !writer.is_old());
        let (tls, credentials) = (self.tls.as_ref(), self.credentials.as_ref());
        let settings = &self.settings;
        let work = async {
            let mut writer = match kept {
                Some(writer) => writer,
                None => TopicWriter::open(settings, tls, credentials).await?,
            };
            let answer = writer.write(settings, tls, credentials, frames, records).await;
            Ok::<_, BrokerFailure>((writer, answer))
        };
        let limit = settings.timeout.0;
        let late = |_| BrokerFailure::again(format!("no answer within {} s", limit.as_secs_f64()));
        let (writer, answer) = tokio::time::timeout(limit, work).await.map_err(late)??;
        // After an answer about the records, the connection is as good as before.
        let is_good = answer.as_ref().map_or_else(
            |failure| matches!(failure.class, FailureClass::Content | FailureClass::TooLarge),
            |()| true,
        );
        self.writer = Some(writer).filter(|_| is_good);
        answer
    }

    /// Returns the meaning of an answer for the records of a batch.
    async fn outcome(&mut self, answer: Result<(), BrokerFailure>, records: &[&[u8]]) -> RequestOutcome {
        let Err(failure) = answer else { return RequestOutcome::taken() };
        match failure.class {
            FailureClass::Content => RequestOutcome::Never(failure.text()),
            FailureClass::TooLarge => {
                let size: usize = records.iter().map(|record| record.len()).sum();
                self.bytes = match records.len() {
                    // The record was at fault, and not the size of batches.
                    1 => usize::try_from(self.settings.batch_bytes.0).unwrap_or(usize::MAX),
                    _ => self.bytes.min((size / 2).max(LEAST)),
                };
                RequestOutcome::Never(failure.text())
            }
            FailureClass::Credentials => {
                self.reload_password().await;
                RequestOutcome::again(failure.text())
            }
            FailureClass::Again | FailureClass::Mistake(_) => RequestOutcome::again(failure.text()),
        }
    }

    /// Reads the file with the password again. On an error, the previous one stays in use.
    async fn reload_password(&mut self) {
        let settings = self.settings.clone();
        let read = tokio::task::spawn_blocking(move || credentials(&settings)).await;
        match read.map_err(|error| error.to_string()).flatten() {
            Ok(read) => self.credentials = read,
            Err(why) => {
                tracing::warn!(%why, "cannot reload the password of Kafka; the previous one stays in use")
            }
        }
    }

    /// Closes the connections. No request is pending between deliveries.
    pub fn close(&mut self) {
        self.writer = None;
    }
}

/// Reads the credentials.
fn credentials(settings: &KafkaSettings) -> Result<Option<BrokerCredentials>, String> {
    let (Some(user), Some(password)) = (&settings.user, &settings.password) else { return Ok(None) };
    let password = password.read().map_err(|why| format!("password: {why}"))?;
    if password.is_empty() || password.contains('\0') {
        return Err("password: is empty or has a zero byte; write the password into its file".to_owned());
    }
    Ok(Some(BrokerCredentials { mechanism: settings.mechanism, user: user.clone(), password }))
}
