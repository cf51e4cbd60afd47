-- What proves that the store has everything: numbers of records, seals, losses and signs of life.
--
-- `seqs` is a bitmap of all numbers, made at the insert; a number that came twice counts once. `counter` is `sink`
-- where records have the number of their sink (tracego.sink_seq), which counts behind its filter, and `stream` for
-- records of a file (seq).
CREATE TABLE IF NOT EXISTS tracego.seqs
(
    tenant LowCardinality(String),
    host_id LowCardinality(String),
    instance_id LowCardinality(String),
    counter LowCardinality(String),
    hour DateTime('UTC'),
    host_name SimpleAggregateFunction(max, String),
    boot_id SimpleAggregateFunction(max, String),
    seqs AggregateFunction(groupBitmap, UInt64),
    lo SimpleAggregateFunction(min, UInt64),
    hi SimpleAggregateFunction(max, UInt64),
    first SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (tenant, host_id, instance_id, counter, hour)
TTL hour + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.seqs_view TO tracego.seqs AS SELECT
    tenant, host.id AS host_id, service.instance.id AS instance_id, if(tracego.sink_seq > 0, 'sink', 'stream') AS counter,
    toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, max(host.name) AS host_name, max(tracego.boot_id) AS boot_id,
    groupBitmapState(if(tracego.sink_seq > 0, tracego.sink_seq, seq)) AS seqs,
    min(if(tracego.sink_seq > 0, tracego.sink_seq, seq)) AS lo, max(if(tracego.sink_seq > 0, tracego.sink_seq, seq)) AS hi,
    min(timestamp) AS first, max(timestamp) AS last
FROM tracego.ingest WHERE host.id != ''
GROUP BY tenant, host_id, instance_id, counter, hour;

CREATE TABLE IF NOT EXISTS tracego.heartbeats
(
    tenant LowCardinality(String),
    ts DateTime64(9, 'UTC'),
    host_id LowCardinality(String),
    host_name LowCardinality(String),
    instance_id LowCardinality(String),
    boot_id LowCardinality(String),
    version LowCardinality(String),
    seq UInt64,
    hooked UInt64,
    filtered UInt64,
    ring_full UInt64,
    processed UInt64,
    written UInt64,
    write_errors UInt64
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, host_id, instance_id, ts)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.heartbeats_view TO tracego.heartbeats AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, service.instance.id AS instance_id, tracego.boot_id AS boot_id,
    service.version AS version, seq, tracego.ledger.kernel.hooked AS hooked, tracego.ledger.kernel.filtered AS filtered,
    tracego.ledger.kernel.ring_full AS ring_full, tracego.ledger.processed AS processed, tracego.ledger.written AS written,
    tracego.ledger.write_errors AS write_errors
FROM tracego.ingest WHERE event_name = 'tracego.heartbeat';

-- Seals of the stream. Those of a sealed file, which name its sink, count the records of that file alone.
CREATE TABLE IF NOT EXISTS tracego.seals
(
    tenant LowCardinality(String),
    ts DateTime64(9, 'UTC'),
    host_id LowCardinality(String),
    host_name LowCardinality(String),
    instance_id LowCardinality(String),
    seq UInt64,
    scope LowCardinality(String),
    sink LowCardinality(String),
    job_root LowCardinality(String),
    job_id LowCardinality(String),
    ended Bool,
    window_start DateTime64(9, 'UTC'),
    window_end DateTime64(9, 'UTC'),
    first_seq UInt64,
    last_seq UInt64,
    records UInt64,
    written UInt64,
    refused UInt64,
    pending Int64,
    link String
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, host_id, instance_id, scope, sink, seq)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.seals_view TO tracego.seals AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, service.instance.id AS instance_id, seq,
    tracego.seal.scope AS scope, tracego.seal.sink AS sink, tracego.seal.job AS job_root, cicd.pipeline.task.run.id AS job_id,
    tracego.seal.ended AS ended, tracego.seal.window.start AS window_start, tracego.seal.window.end AS window_end,
    tracego.seal.first_seq AS first_seq, tracego.seal.last_seq AS last_seq, tracego.seal.records AS records,
    tracego.seal.written AS written, tracego.seal.refused AS refused, tracego.seal.pending AS pending, tracego.seal.link AS link
FROM tracego.ingest WHERE event_name = 'tracego.seal';

CREATE TABLE IF NOT EXISTS tracego.losses
(
    tenant LowCardinality(String),
    ts DateTime64(9, 'UTC'),
    host_id LowCardinality(String),
    host_name LowCardinality(String),
    instance_id LowCardinality(String),
    seq UInt64,
    sink LowCardinality(String),
    job_id LowCardinality(String),
    reason LowCardinality(String),
    events UInt64
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, host_id, instance_id, seq, ts, sink, reason)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.losses_view TO tracego.losses AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, service.instance.id AS instance_id, seq,
    tracego.sink.name AS sink, cicd.pipeline.task.run.id AS job_id, reason, events
FROM tracego.ingest ARRAY JOIN mapKeys(tracego.lost) AS reason, mapValues(tracego.lost) AS events
WHERE event_name = 'tracego.lost' AND events > 0;

INSERT INTO tracego.migrations (version, name) VALUES (4, 'completeness');
