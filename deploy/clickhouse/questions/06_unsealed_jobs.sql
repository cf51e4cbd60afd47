-- Which jobs have no seal, or a seal that counts more events than have arrived?
-- Seals come where tracego keeps a sealed log (`--seal`). They count all starts, exits, forks and failed attempts of the
-- job: a sink with a filter looks like a loss.
-- param grace = 600: seconds that a job's last record may be old without a seal
SELECT j.repo AS repo, j.job_id AS job_id, j.host_name AS host_name, j.revision AS revision, j.first AS began, j.last AS last,
    j.arrived AS arrived, s.written AS sealed,
    multiIf(s.job_root = '', 'no seal', NOT s.ended, 'sealed before its end', 'records are missing') AS problem
FROM
(
    SELECT tenant, repo, job_id, job_root, host_id, max(host_name) AS host_name, max(revision) AS revision,
        min(jobs.first) AS first, max(jobs.last) AS last, groupBitmapMerge(events) AS arrived
    FROM jobs GROUP BY tenant, repo, job_id, job_root, host_id
) AS j
LEFT JOIN
(
    SELECT tenant, host_id, job_root, sum(seals.written) AS written, argMax(seals.ended, seq) AS ended
    FROM seals FINAL WHERE scope = 'job' AND sink = '' GROUP BY tenant, host_id, job_root
) AS s ON s.tenant = j.tenant AND s.host_id = j.host_id AND s.job_root = j.job_root
WHERE j.last >= {from:DateTime('UTC')} AND j.last < {to:DateTime('UTC')} - toIntervalSecond({grace:UInt32})
    AND (s.job_root = '' OR NOT s.ended OR s.written > j.arrived)
ORDER BY began DESC, job_id
LIMIT 100
