-- Fewer bytes for a start, an exit and a heartbeat. Parts that exist keep their form until they are merged.
--
-- Arguments are most of a start, and builds repeat them: a compiler is called as it was an hour ago, or on another node.
-- Blocks of 16 MB with a window of the same size see that; whoever reads the arguments of one job decompresses a block.
ALTER TABLE tracego.starts MODIFY COLUMN args Array(String) CODEC(ZSTD(1, 24));
ALTER TABLE tracego.starts MODIFY COLUMN args MODIFY SETTING min_compress_block_size = 16777216, max_compress_block_size = 16777216;

-- A start is told from another one by its node, its time in nanoseconds and its pid. Of the hash of its identifier, eight
-- bits are enough beside them; a hash of 64 bits was a fifth of a start. The query of the view is that of the migration
-- `processes` but for `uid_hash` and `parent_args`.
ALTER TABLE tracego.starts MODIFY COLUMN uid_hash UInt64 CODEC(T64, ZSTD(1));
ALTER TABLE tracego.starts_view MODIFY QUERY SELECT
    tenant, timestamp AS ts,
    if(observed_timestamp > timestamp, toUInt32(least(dateDiff('microsecond', timestamp, observed_timestamp), 4294967295)), 0) AS delay_us,
    host.id AS host_id, host.name AS host_name, tracego.boot_id AS boot_id, service.instance.id AS instance_id, seq,
    cityHash64(log.record.uid) % 256 AS uid_hash, severity_number AS severity,
    process.pid AS pid, process.parent_pid AS ppid, if(process.vpid = process.pid, 0, process.vpid) AS vpid,
    reinterpretAsUInt64(reverse(unhex(leftPad(splitByChar('-', tracego.exec_id)[6], 16, '0')))) AS start_ns,
    tracego.inventory AS inventory,
    process.user.id AS user_id, process.user.name AS user_name, process.real_user.id AS real_user_id,
    process.executable.path AS exe, process.command AS command, process.command_args AS args, process.working_directory AS cwd,
    process.executable.build_id.htlhash AS htlhash,
    tracego.executable.digest.sha256 AS sha256, tracego.executable.digest.state AS digest_state, tracego.provenance.verdict AS verdict,
    process.linux.cgroup AS cgroup, container.id AS container_id, k8s.pod.uid AS pod_uid, k8s.pod.name AS pod, k8s.namespace.name AS namespace,
    cicd.system.component AS ci, cicd.pipeline.name AS pipeline, cicd.pipeline.run.id AS run_id, cicd.pipeline.task.name AS job,
    cicd.pipeline.task.run.id AS job_id, cicd.worker.name AS worker,
    vcs.repository.url.full AS repo, vcs.ref.head.name AS ref, vcs.ref.head.revision AS revision, tracego.job.root.exec_id AS job_root,
    tracego.go.role AS go_role, tracego.go.command.subcommand AS go_subcommand, tracego.go.command.package AS go_package, tracego.go.command.target AS go_target,
    tracego.go.build.path AS go_main, tracego.go.build.vcs.revision AS go_revision, tracego.go.build.vcs.modified AS go_modified,
    process.runtime.version AS go_version,
    tracego.findings.id AS finding_ids, tracego.policy.allow AS policy_allow,
    tracego.ancestors.pid AS ancestor_pids, tracego.ancestors.command AS ancestor_commands,
    arrayMap(e -> e.path, tracego.ancestors.executable) AS ancestor_exes,
    concat(tracego.capability, tracego.namespace, tracego.seccomp, toString(tracego.no_new_privs)) AS security,
    tracego.rlimit AS rlimits, tracego.elf AS elf, tracego.completeness AS completeness,
    tracego.executable.deleted AS deleted, tracego.executable.memfd AS memfd, tracego.parent.command_args AS parent_args
FROM tracego.ingest WHERE event_name = 'tracego.process.start';

ALTER TABLE tracego.heartbeats
    MODIFY COLUMN ts DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    MODIFY COLUMN seq UInt64 CODEC(Delta(8), ZSTD(1)),
    MODIFY COLUMN hooked UInt64 CODEC(Delta(8), ZSTD(1)),
    MODIFY COLUMN filtered UInt64 CODEC(Delta(8), ZSTD(1)),
    MODIFY COLUMN processed UInt64 CODEC(Delta(8), ZSTD(1)),
    MODIFY COLUMN written UInt64 CODEC(Delta(8), ZSTD(1)),
    ADD COLUMN IF NOT EXISTS latest Tuple(version String, configuration String, mode String, waiting UInt64, oldest_s UInt64)
        ALIAS CAST((version, configuration, enforcement_mode, arraySum(mapValues(waiting)),
            intDiv(arrayMax(arrayConcat([0], mapValues(oldest_age_ms))), 1000)),
            'Tuple(version String, configuration String, mode String, waiting UInt64, oldest_s UInt64)');

-- One row for each node and hour: in which of its minutes a heartbeat came, as bits, and what the last one said. A
-- heartbeat a minute is more rows than most nodes start programs; questions about all nodes read sixty times fewer here.
CREATE TABLE IF NOT EXISTS tracego.presence
(
    tenant LowCardinality(String),
    host_id LowCardinality(String),
    hour DateTime('UTC'),
    host_name SimpleAggregateFunction(max, String),
    minutes SimpleAggregateFunction(groupBitOr, UInt64),
    first SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    latest AggregateFunction(argMax, Tuple(version String, configuration String, mode String, waiting UInt64, oldest_s UInt64), DateTime64(9, 'UTC'))
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (tenant, host_id, hour)
TTL hour + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.presence_view TO tracego.presence AS SELECT
    tenant, host.id AS host_id, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, max(host.name) AS host_name,
    groupBitOr(bitShiftLeft(toUInt64(1), toMinute(toDateTime(timestamp, 'UTC')))) AS minutes,
    min(timestamp) AS first, max(timestamp) AS last, argMaxState(
        CAST((service.version, tracego.configuration.sha256, tracego.enforcement.mode, arraySum(arrayMap(n -> n.waiting, mapValues(tracego.sinks))),
            intDiv(arrayMax(arrayConcat([0], arrayMap(n -> n.oldest_age_ms, mapValues(tracego.sinks)))), 1000)),
            'Tuple(version String, configuration String, mode String, waiting UInt64, oldest_s UInt64)'), timestamp) AS latest
FROM tracego.ingest WHERE event_name = 'tracego.heartbeat'
GROUP BY tenant, host_id, hour;

-- The hours before this migration. A row that is made twice is the same row once they are merged.
INSERT INTO tracego.presence SELECT
    tenant, host_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, max(host_name) AS host_name,
    groupBitOr(bitShiftLeft(toUInt64(1), toMinute(toDateTime(ts, 'UTC')))) AS minutes,
    min(ts) AS first, max(ts) AS last, argMaxState(latest, ts) AS latest
FROM tracego.heartbeats GROUP BY tenant, host_id, hour;

INSERT INTO tracego.migrations (version, name) VALUES (9, 'sizes');
