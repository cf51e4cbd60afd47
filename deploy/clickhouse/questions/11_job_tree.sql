-- What did one job run, as a tree?
-- Without a job, what the last run of tracego recorded is shown.
-- param job = %: id of the job (cicd.pipeline.task.run.id) as a LIKE pattern; of several, the last one is shown
WITH (SELECT argMax((tenant, host_id, if(job_root = '', instance_id, job_root)), (job_root != '', ts)) FROM starts
    WHERE job_id LIKE {job:String} AND ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}) AS wanted
SELECT s.ts AS ts, concat(repeat('  ', toUInt32(length(s.ancestor_pids) - min(length(s.ancestor_pids)) OVER ())), s.cmdline) AS tree,
    e.code AS code, round(e.run_time_ns / 1e9, 3) AS seconds, s.exe AS exe, s.finding_ids AS findings
FROM starts AS s
LEFT JOIN
(
    SELECT host_id, boot_id, pid, start_ns, toNullable(any(exits.code)) AS code, toNullable(any(exits.run_time_ns)) AS run_time_ns
    FROM exits WHERE ts >= {from:DateTime('UTC')} AND host_id = wanted.2 GROUP BY host_id, boot_id, pid, start_ns
) AS e ON e.host_id = s.host_id AND e.boot_id = s.boot_id AND e.pid = s.pid AND e.start_ns = s.start_ns
WHERE s.tenant = wanted.1 AND s.host_id = wanted.2 AND if(s.job_root = '', s.instance_id, s.job_root) = wanted.3
    AND s.ts >= {from:DateTime('UTC')} AND s.ts < {to:DateTime('UTC')}
ORDER BY s.ts
LIMIT 1000
