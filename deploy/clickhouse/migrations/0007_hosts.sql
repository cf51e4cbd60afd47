-- The command line of the parent in starts, which the view fills with the migration `sizes`, and what heartbeats say of a
-- machine: labels, the mode of enforcement, the configuration in force, and how much waits in its sinks.
ALTER TABLE tracego.starts
    ADD COLUMN IF NOT EXISTS parent_args Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS parent_cmdline String ALIAS arrayStringConcat(parent_args, ' ');

ALTER TABLE tracego.heartbeats
    ADD COLUMN IF NOT EXISTS id_source LowCardinality(String),
    ADD COLUMN IF NOT EXISTS labels Map(LowCardinality(String), String),
    ADD COLUMN IF NOT EXISTS enforcement_mode LowCardinality(String),
    ADD COLUMN IF NOT EXISTS enforcement_state LowCardinality(String),
    ADD COLUMN IF NOT EXISTS configuration LowCardinality(String),
    ADD COLUMN IF NOT EXISTS policies Map(LowCardinality(String), String),
    ADD COLUMN IF NOT EXISTS waiting Map(LowCardinality(String), UInt64),
    ADD COLUMN IF NOT EXISTS waiting_bytes Map(LowCardinality(String), UInt64),
    ADD COLUMN IF NOT EXISTS oldest_age_ms Map(LowCardinality(String), UInt64);

ALTER TABLE tracego.heartbeats_view MODIFY QUERY SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, service.instance.id AS instance_id, tracego.boot_id AS boot_id,
    service.version AS version, seq, tracego.ledger.kernel.hooked AS hooked, tracego.ledger.kernel.filtered AS filtered,
    tracego.ledger.kernel.ring_full AS ring_full, tracego.ledger.processed AS processed, tracego.ledger.written AS written,
    tracego.ledger.write_errors AS write_errors,
    tracego.host.id_source AS id_source, tracego.host.label AS labels, tracego.enforcement.mode AS enforcement_mode,
    tracego.enforcement.state AS enforcement_state, tracego.configuration.sha256 AS configuration,
    CAST((tracego.configuration.policies.name, tracego.configuration.policies.digest), 'Map(LowCardinality(String), String)') AS policies,
    mapApply((sink, numbers) -> (sink, numbers.waiting), tracego.sinks) AS waiting,
    mapApply((sink, numbers) -> (sink, numbers.waiting_bytes), tracego.sinks) AS waiting_bytes,
    mapApply((sink, numbers) -> (sink, numbers.oldest_age_ms), tracego.sinks) AS oldest_age_ms
FROM tracego.ingest WHERE event_name = 'tracego.heartbeat';

INSERT INTO tracego.migrations (version, name) VALUES (7, 'hosts');
