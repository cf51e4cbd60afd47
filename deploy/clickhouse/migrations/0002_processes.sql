-- Program executions: each start, each exit, what ran first where, and CI jobs.
--
-- Tables are sorted by tenant, hour, node and time: the rows of a node are alike, so that a start takes few bytes.
-- ReplacingMergeTree drops a record that came twice. A block that is inserted twice with one token is dropped at once.
CREATE TABLE IF NOT EXISTS tracego.starts
(
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    ts DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    delay_us UInt32 CODEC(ZSTD(1)),
    host_id LowCardinality(String) CODEC(ZSTD(1)),
    host_name LowCardinality(String) CODEC(ZSTD(1)),
    boot_id LowCardinality(String) CODEC(ZSTD(1)),
    instance_id LowCardinality(String) CODEC(ZSTD(1)),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    uid_hash UInt64 CODEC(NONE),
    severity UInt8 CODEC(ZSTD(1)),
    pid UInt32 CODEC(Delta(4), ZSTD(1)),
    ppid UInt32 CODEC(ZSTD(1)),
    vpid UInt32 CODEC(ZSTD(1)),
    start_ns UInt64 CODEC(Delta(8), ZSTD(1)),
    inventory Bool CODEC(ZSTD(1)),
    user_id UInt32 CODEC(ZSTD(1)),
    user_name LowCardinality(String) CODEC(ZSTD(1)),
    real_user_id UInt32 CODEC(ZSTD(1)),
    exe LowCardinality(String) CODEC(ZSTD(1)),
    command LowCardinality(String) CODEC(ZSTD(1)),
    args Array(String) CODEC(ZSTD(1)),
    cwd LowCardinality(String) CODEC(ZSTD(1)),
    htlhash LowCardinality(String) CODEC(ZSTD(1)),
    sha256 LowCardinality(String) CODEC(ZSTD(1)),
    digest_state LowCardinality(String) CODEC(ZSTD(1)),
    verdict LowCardinality(String) CODEC(ZSTD(1)),
    cgroup LowCardinality(String) CODEC(ZSTD(1)),
    container_id LowCardinality(String) CODEC(ZSTD(1)),
    pod_uid LowCardinality(String) CODEC(ZSTD(1)),
    pod LowCardinality(String) CODEC(ZSTD(1)),
    namespace LowCardinality(String) CODEC(ZSTD(1)),
    ci LowCardinality(String) CODEC(ZSTD(1)),
    pipeline LowCardinality(String) CODEC(ZSTD(1)),
    run_id LowCardinality(String) CODEC(ZSTD(1)),
    job LowCardinality(String) CODEC(ZSTD(1)),
    job_id LowCardinality(String) CODEC(ZSTD(1)),
    worker LowCardinality(String) CODEC(ZSTD(1)),
    repo LowCardinality(String) CODEC(ZSTD(1)),
    ref LowCardinality(String) CODEC(ZSTD(1)),
    revision LowCardinality(String) CODEC(ZSTD(1)),
    job_root LowCardinality(String) CODEC(ZSTD(1)),
    go_role LowCardinality(String) CODEC(ZSTD(1)),
    go_subcommand LowCardinality(String) CODEC(ZSTD(1)),
    go_package LowCardinality(String) CODEC(ZSTD(1)),
    go_target LowCardinality(String) CODEC(ZSTD(1)),
    go_main LowCardinality(String) CODEC(ZSTD(1)),
    go_revision LowCardinality(String) CODEC(ZSTD(1)),
    go_modified Bool CODEC(ZSTD(1)),
    go_version LowCardinality(String) CODEC(ZSTD(1)),
    finding_ids Array(LowCardinality(String)) CODEC(ZSTD(1)),
    policy_allow Nullable(Bool) CODEC(ZSTD(1)),
    ancestor_pids Array(UInt32) CODEC(ZSTD(1)),
    ancestor_commands Array(LowCardinality(String)) CODEC(ZSTD(1)),
    ancestor_exes Array(LowCardinality(String)) CODEC(ZSTD(1)),
    security LowCardinality(String) CODEC(ZSTD(1)),
    rlimits LowCardinality(String) CODEC(ZSTD(1)),
    elf LowCardinality(String) CODEC(ZSTD(1)),
    completeness LowCardinality(String) CODEC(ZSTD(1)),
    deleted Bool CODEC(ZSTD(1)),
    memfd Bool CODEC(ZSTD(1)),
    exec_id String ALIAS concat(boot_id, '-', replaceRegexpOne(lower(hex(start_ns)), '^0+', ''), '-', replaceRegexpOne(lower(hex(pid)), '^0+', '')),
    cmdline String ALIAS arrayStringConcat(args, ' '),
    INDEX i_exe exe TYPE set(0) GRANULARITY 1,
    INDEX i_job job_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX i_revision revision TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX i_repo repo TYPE set(100) GRANULARITY 1,
    INDEX i_sha256 sha256 TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(ts)
ORDER BY (tenant, toStartOfHour(ts), host_id, ts, pid, uid_hash)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, min_bytes_for_wide_part = 0, non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.starts_view TO tracego.starts AS SELECT
    tenant, timestamp AS ts,
    if(observed_timestamp > timestamp, toUInt32(least(dateDiff('microsecond', timestamp, observed_timestamp), 4294967295)), 0) AS delay_us,
    host.id AS host_id, host.name AS host_name, tracego.boot_id AS boot_id, service.instance.id AS instance_id, seq,
    cityHash64(log.record.uid) AS uid_hash, severity_number AS severity,
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
    tracego.executable.deleted AS deleted, tracego.executable.memfd AS memfd
FROM tracego.ingest WHERE event_name = 'tracego.process.start';

-- A start that `--aggregate exits` joined with its exit is in both tables.
CREATE TABLE IF NOT EXISTS tracego.exits
(
    tenant LowCardinality(String) CODEC(ZSTD(1)),
    ts DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    host_id LowCardinality(String) CODEC(ZSTD(1)),
    instance_id LowCardinality(String) CODEC(ZSTD(1)),
    boot_id LowCardinality(String) CODEC(ZSTD(1)),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    pid UInt32 CODEC(Delta(4), ZSTD(1)),
    start_ns UInt64 CODEC(Delta(8), ZSTD(1)),
    exe LowCardinality(String) CODEC(ZSTD(1)),
    code Int32 CODEC(ZSTD(1)),
    signal UInt8 CODEC(ZSTD(1)),
    run_time_ns UInt64 CODEC(ZSTD(1)),
    max_rss UInt64 CODEC(ZSTD(1)),
    job_id LowCardinality(String) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(ts)
ORDER BY (tenant, toStartOfHour(ts), host_id, ts, pid, start_ns)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, min_bytes_for_wide_part = 0, non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.exits_view TO tracego.exits AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, service.instance.id AS instance_id, tracego.boot_id AS boot_id, seq, process.pid AS pid,
    reinterpretAsUInt64(reverse(unhex(leftPad(splitByChar('-', tracego.exec_id)[6], 16, '0')))) AS start_ns,
    process.executable.path AS exe, process.exit.code AS code, tracego.exit.signal AS signal,
    tracego.exit.run_time_ns AS run_time_ns, tracego.exit.max_rss_bytes AS max_rss, cicd.pipeline.task.run.id AS job_id
FROM tracego.ingest
WHERE event_name = 'tracego.process.exit' OR (event_name = 'tracego.process.start' AND tracego.exit.run_time_ns > 0);

-- One row for each executable of a repository ('' outside of CI). `runs` counts records that came twice, twice.
CREATE TABLE IF NOT EXISTS tracego.first_seen
(
    tenant LowCardinality(String),
    repo LowCardinality(String),
    exe LowCardinality(String),
    htlhash LowCardinality(String),
    first SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    hosts AggregateFunction(uniq, LowCardinality(String)),
    runs SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree
ORDER BY (tenant, repo, exe, htlhash)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.first_seen_view TO tracego.first_seen AS SELECT
    tenant, vcs.repository.url.full AS repo, process.executable.path AS exe, process.executable.build_id.htlhash AS htlhash,
    min(timestamp) AS first, max(timestamp) AS last, uniqState(host.id) AS hosts, count() AS runs
FROM tracego.ingest WHERE event_name = 'tracego.process.start'
GROUP BY tenant, repo, exe, htlhash;

-- One row for each job and node. `events` has the numbers of the job's starts, exits, forks and failed attempts, so that
-- a record that came twice counts once; the job's seals say how many there have to be (`written`).
CREATE TABLE IF NOT EXISTS tracego.jobs
(
    tenant LowCardinality(String),
    repo LowCardinality(String),
    job_id LowCardinality(String),
    job_root LowCardinality(String),
    host_id LowCardinality(String),
    host_name SimpleAggregateFunction(max, String),
    revision SimpleAggregateFunction(max, String),
    ref SimpleAggregateFunction(max, String),
    pipeline SimpleAggregateFunction(max, String),
    job SimpleAggregateFunction(max, String),
    first SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    events AggregateFunction(groupBitmap, UInt64),
    starts AggregateFunction(groupBitmap, UInt64)
) ENGINE = AggregatingMergeTree
ORDER BY (tenant, repo, job_id, job_root, host_id)
TTL toDateTime(last) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.jobs_view TO tracego.jobs AS SELECT
    tenant, vcs.repository.url.full AS repo, cicd.pipeline.task.run.id AS job_id, tracego.job.root.exec_id AS job_root, host.id AS host_id,
    max(host.name) AS host_name, max(vcs.ref.head.revision) AS revision, max(vcs.ref.head.name) AS ref, max(cicd.pipeline.name) AS pipeline, max(cicd.pipeline.task.name) AS job,
    min(timestamp) AS first, max(timestamp) AS last, groupBitmapState(seq) AS events,
    groupBitmapStateIf(seq, event_name = 'tracego.process.start') AS starts
FROM tracego.ingest
WHERE tracego.job.root.exec_id != ''
    AND event_name IN ('tracego.process.start', 'tracego.process.exit', 'tracego.process.fork', 'tracego.process.exec_failed')
GROUP BY tenant, repo, job_id, job_root, host_id;

INSERT INTO tracego.migrations (version, name) VALUES (2, 'processes');
