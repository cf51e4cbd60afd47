-- What tracego says about programs: findings, decisions of policies and of enforcement, and what is known of each
-- executable. These rows are few; dashboards and alerts ask for them.
CREATE TABLE IF NOT EXISTS tracego.findings
(
    tenant LowCardinality(String),
    ts DateTime64(9, 'UTC'),
    host_id LowCardinality(String),
    host_name LowCardinality(String),
    uid String,
    id LowCardinality(String),
    name LowCardinality(String),
    variant LowCardinality(String),
    severity LowCardinality(String),
    message String,
    repo LowCardinality(String),
    revision LowCardinality(String),
    pipeline LowCardinality(String),
    job_id LowCardinality(String),
    exe LowCardinality(String),
    cmdline String,
    exec_id String
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, id, ts, host_id, uid)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.findings_view TO tracego.findings AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, log.record.uid AS uid,
    f_id AS id, f_name AS name, f_variant AS variant, f_severity AS severity, f_message AS message,
    vcs.repository.url.full AS repo, vcs.ref.head.revision AS revision, cicd.pipeline.name AS pipeline, cicd.pipeline.task.run.id AS job_id,
    process.executable.path AS exe, arrayStringConcat(process.command_args, ' ') AS cmdline, tracego.exec_id AS exec_id
FROM tracego.ingest
ARRAY JOIN tracego.findings.id AS f_id, tracego.findings.name AS f_name, tracego.findings.variant AS f_variant,
    tracego.findings.severity AS f_severity, tracego.findings.message AS f_message
WHERE event_name IN ('tracego.process.start', 'tracego.finding');

-- One row for each violation and warning of a policy, with the bundle that has the rule and its digest, and one for each
-- decision of enforcement, without a bundle.
CREATE TABLE IF NOT EXISTS tracego.decisions
(
    tenant LowCardinality(String),
    ts DateTime64(9, 'UTC'),
    host_id LowCardinality(String),
    host_name LowCardinality(String),
    uid String,
    origin LowCardinality(String),
    action LowCardinality(String),
    bundle LowCardinality(String),
    digest LowCardinality(String),
    rule LowCardinality(String),
    message String,
    repo LowCardinality(String),
    revision LowCardinality(String),
    job_id LowCardinality(String),
    exe LowCardinality(String),
    cmdline String,
    exec_id String
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, ts, host_id, uid, origin, bundle, rule)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.decisions_of_policies_view TO tracego.decisions AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, log.record.uid AS uid, 'policy' AS origin,
    v_action AS action, v_bundle AS bundle,
    tracego.policy.bundles.digest[indexOf(tracego.policy.bundles.name, v_bundle)] AS digest, v_id AS rule, v_msg AS message,
    vcs.repository.url.full AS repo, vcs.ref.head.revision AS revision, cicd.pipeline.task.run.id AS job_id,
    process.executable.path AS exe, arrayStringConcat(process.command_args, ' ') AS cmdline, tracego.exec_id AS exec_id
FROM tracego.ingest
ARRAY JOIN
    arrayConcat(tracego.policy.violations.bundle, tracego.policy.warnings.bundle) AS v_bundle,
    arrayConcat(tracego.policy.violations.id, tracego.policy.warnings.id) AS v_id,
    arrayConcat(tracego.policy.violations.msg, tracego.policy.warnings.msg) AS v_msg,
    arrayConcat(arrayMap(one -> 'violation', tracego.policy.violations.id), arrayMap(one -> 'warning', tracego.policy.warnings.id)) AS v_action
WHERE event_name = 'tracego.process.start';

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.decisions_of_enforcement_view TO tracego.decisions AS SELECT
    tenant, timestamp AS ts, host.id AS host_id, host.name AS host_name, log.record.uid AS uid, 'enforcement' AS origin,
    tracego.enforcement.action AS action, '' AS bundle, '' AS digest, tracego.enforcement.rule AS rule, tracego.enforcement.message AS message,
    vcs.repository.url.full AS repo, vcs.ref.head.revision AS revision, cicd.pipeline.task.run.id AS job_id,
    if(tracego.enforcement.executable = '', process.executable.path, tracego.enforcement.executable) AS exe,
    arrayStringConcat(if(empty(tracego.enforcement.args), process.command_args, tracego.enforcement.args), ' ') AS cmdline, tracego.exec_id AS exec_id
FROM tracego.ingest WHERE event_name = 'tracego.enforcement' AND tracego.enforcement.action != '';

-- One row for each executable and node. Its digest and provenance come with a start, or later with a record
-- tracego.executable; merges keep what is known. The key is the path with the htlhash, which each record has.
CREATE TABLE IF NOT EXISTS tracego.images
(
    tenant LowCardinality(String),
    host_id LowCardinality(String),
    exe LowCardinality(String),
    htlhash LowCardinality(String),
    host_name SimpleAggregateFunction(max, String),
    sha256 SimpleAggregateFunction(max, String),
    verdict SimpleAggregateFunction(max, String),
    signer SimpleAggregateFunction(max, String),
    source SimpleAggregateFunction(max, String),
    source_revision SimpleAggregateFunction(max, String),
    go_main SimpleAggregateFunction(max, String),
    go_module SimpleAggregateFunction(max, String),
    go_module_version SimpleAggregateFunction(max, String),
    go_revision SimpleAggregateFunction(max, String),
    go_modified SimpleAggregateFunction(max, UInt8),
    go_version SimpleAggregateFunction(max, String),
    dependencies SimpleAggregateFunction(max, UInt32),
    first SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
    last SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
) ENGINE = AggregatingMergeTree
ORDER BY (tenant, exe, htlhash, host_id)
TTL toDateTime(last) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.images_view TO tracego.images AS SELECT
    tenant, host.id AS host_id, process.executable.path AS exe, process.executable.build_id.htlhash AS htlhash,
    max(host.name) AS host_name, max(tracego.executable.digest.sha256) AS sha256,
    max(if(tracego.provenance.verdict = 'pending', '', tracego.provenance.verdict)) AS verdict,
    max(tracego.provenance.signer) AS signer, max(tracego.provenance.source.repository) AS source, max(tracego.provenance.source.revision) AS source_revision,
    max(tracego.go.build.path) AS go_main, max(tracego.go.build.module.path) AS go_module, max(tracego.go.build.module.version) AS go_module_version,
    max(tracego.go.build.vcs.revision) AS go_revision, max(tracego.go.build.vcs.modified) AS go_modified, max(process.runtime.version) AS go_version,
    max(tracego.go.build.dependencies) AS dependencies, min(timestamp) AS first, max(timestamp) AS last
FROM tracego.ingest WHERE event_name IN ('tracego.process.start', 'tracego.executable') AND process.executable.build_id.htlhash != ''
GROUP BY tenant, host_id, exe, htlhash;

INSERT INTO tracego.migrations (version, name) VALUES (3, 'judgements');
