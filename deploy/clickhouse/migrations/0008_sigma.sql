-- Process starts by the names that Sigma gives to the fields of its category process_creation. Fields that Sigma does not
-- have keep the names of tracego.starts. A start outside of a job or a container has NULL there, so that rules can ask
-- whether it exists; other columns are never NULL, because a rule that excludes a value would exclude NULL as well.
-- deploy/sigma/clickhouse.yml lists the fields for converters. The view reads with the rights of its reader: the row
-- policies of tracego.starts hold.
CREATE VIEW IF NOT EXISTS tracego.process_creation SQL SECURITY INVOKER AS SELECT
    tenant, ts, host_id, host_name, uid_hash, exec_id, inventory,
    exe AS Image, cmdline AS CommandLine, cwd AS CurrentDirectory, user_name AS User,
    pid AS ProcessId, ppid AS ParentProcessId, ancestor_exes[1] AS ParentImage, parent_cmdline AS ParentCommandLine,
    sha256, memfd, deleted,
    go_role, go_target,
    arrayStringConcat(finding_ids, ' ') AS findings,
    nullIf(job_id, '') AS job_id, pipeline, repo, revision,
    nullIf(container_id, '') AS container_id, namespace, pod
FROM tracego.starts;

INSERT INTO tracego.migrations (version, name) VALUES (8, 'sigma');
