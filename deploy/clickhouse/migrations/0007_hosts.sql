-- The command line of the parent in starts, and what heartbeats say of a machine: labels, the mode of enforcement, the
-- configuration in force, and how much waits in its sinks.
ALTER TABLE tracego.starts
    ADD COLUMN IF NOT EXISTS parent_args Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS parent_cmdline String ALIAS arrayStringConcat(parent_args, ' ');

ALTER TABLE tracego.starts_view MODIFY QUERY SELECT
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
    tracego.executable.deleted AS deleted, tracego.executable.memfd AS memfd, tracego.parent.command_args AS parent_args
FROM tracego.ingest WHERE event_name = 'tracego.process.start';

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
