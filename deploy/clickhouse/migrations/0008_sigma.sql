-- Process starts by the names that Sigma gives to the fields of its category process_creation. Fields that Sigma does not
-- have keep the names of tracego.starts; what a process does not have is NULL, so that rules can ask whether it exists.
-- deploy/sigma/clickhouse.yml lists the fields for converters. The view reads with the rights of its reader: the row
-- policies of tracego.starts hold.
CREATE VIEW IF NOT EXISTS tracego.process_creation SQL SECURITY INVOKER AS SELECT
    tenant, ts, host_id, host_name, uid_hash, exec_id, inventory,
    exe AS Image, cmdline AS CommandLine, cwd AS CurrentDirectory, user_name AS User,
    pid AS ProcessId, ppid AS ParentProcessId, ancestor_exes[1] AS ParentImage,
    nullIf(sha256, '') AS sha256, memfd, deleted,
    nullIf(go_role, '') AS go_role, nullIf(go_target, '') AS go_target,
    nullIf(arrayStringConcat(finding_ids, ' '), '') AS findings,
    nullIf(job_id, '') AS job_id, nullIf(pipeline, '') AS pipeline, nullIf(repo, '') AS repo, nullIf(revision, '') AS revision,
    nullIf(container_id, '') AS container_id, nullIf(namespace, '') AS namespace, nullIf(pod, '') AS pod
FROM tracego.starts;

INSERT INTO tracego.migrations (version, name) VALUES (8, 'sigma');
