//! The partitions of a topic, and connections to their leaders.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    broker_connection::{BrokerConnection, BrokerCredentials, BrokerTls},
    broker_failure::BrokerFailure,
    message::MessageFrame,
    partitioner,
    protocol::{self, RequestKind, TopicLayout},
    record_batch,
    settings::{BrokerAddress, KafkaSettings},
};

/// Age at which the partitions are asked for again, as that of Kafka's own clients (`metadata.max.age.ms`): a topic may
/// get more of them. Brokers close idle connections after twice the time.
const OLDEST: Duration = Duration::from_mins(5);

/// A topic with its partitions at one time.
pub(super) struct TopicWriter {
    layout: TopicLayout,
    connections: BTreeMap<i32, BrokerConnection>,
    since: Instant,
}

impl TopicWriter {
    /// Asks the brokers of the settings, one after the other, for the topic.
    pub(super) async fn open(
        settings: &KafkaSettings,
        tls: Option<&BrokerTls>,
        credentials: Option<&BrokerCredentials>,
    ) -> Result<Self, BrokerFailure> {
        let mut failed = None;
        for address in &settings.brokers {
            match Self::ask(address, settings, tls, credentials).await {
                Ok(layout) => {
                    return Ok(Self { layout, connections: BTreeMap::new(), since: Instant::now() });
                }
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        Err(failed.unwrap_or_else(|| BrokerFailure::again("there is no broker")))
    }

    async fn ask(
        address: &BrokerAddress,
        settings: &KafkaSettings,
        tls: Option<&BrokerTls>,
        credentials: Option<&BrokerCredentials>,
    ) -> Result<TopicLayout, BrokerFailure> {
        let mut connection = BrokerConnection::connect(address, tls, credentials).await?;
        let about =
            |failure: BrokerFailure| BrokerFailure { why: format!("{address}: {}", failure.why), ..failure };
        let body = protocol::metadata(&settings.topic);
        let answer = connection.ask(RequestKind::Metadata, &body).await.map_err(about)?;
        let layout = TopicLayout::read(&answer, &settings.topic).map_err(|error| about(error.into()))?;
        match BrokerFailure::of(layout.error, &format!("{address}: topic '{}'", settings.topic)) {
            Some(failure) => Err(failure),
            None if layout.leaders.is_empty() => {
                Err(BrokerFailure::again(format!("{address}: topic '{}' has no partition", settings.topic)))
            }
            None => Ok(layout),
        }
    }

    /// Returns whether the partitions have to be asked for again.
    pub(super) fn is_old(&self) -> bool {
        self.since.elapsed() > OLDEST
    }

    /// Writes messages with one key. Returns once all replicas in sync have them.
    pub(super) async fn write(
        &mut self,
        settings: &KafkaSettings,
        tls: Option<&BrokerTls>,
        credentials: Option<&BrokerCredentials>,
        messages: &[MessageFrame],
        values: &[&[u8]],
    ) -> Result<(), BrokerFailure> {
        let key = messages.first().map_or("", |message| &message.key);
        let at = partitioner::partition(key.as_bytes(), self.layout.leaders.len());
        let place = self.layout.leaders.iter().nth(at);
        let (partition, leader) = place.map(|(partition, leader)| (*partition, *leader)).unwrap_or_default();
        let about = format!("topic '{}' partition {partition}", settings.topic);
        let address = self.layout.brokers.get(&leader);
        let address = address.ok_or_else(|| BrokerFailure::again(format!("{about}: has no leader")))?;
        let connection = match self.connections.entry(leader) {
            std::collections::btree_map::Entry::Occupied(kept) => kept.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(BrokerConnection::connect(address, tls, credentials).await?)
            }
        };
        let batch = record_batch::encode(messages, values, settings.compression);
        let batch = batch.map_err(|error| BrokerFailure::again(error.to_string()))?;
        let millis = i32::try_from(settings.timeout.0.as_millis()).unwrap_or(i32::MAX);
        let body = protocol::produce(&settings.topic, partition, &batch, millis);
        let failed =
            |failure: BrokerFailure| BrokerFailure { why: format!("{address}: {}", failure.why), ..failure };
        let answer = connection.ask(RequestKind::Produce, &body).await.map_err(failed)?;
        let code =
            protocol::produced(&answer, &settings.topic, partition).map_err(|error| failed(error.into()))?;
        BrokerFailure::of(code, &format!("{address}: {about}")).map_or(Ok(()), Err)
    }
}
