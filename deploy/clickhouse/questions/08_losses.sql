-- Where were records lost, why, and how many jobs ran there within the ten minutes before?
SELECT l.host_name AS host_name, n.region AS region, if(l.sink = '', 'kernel or pipeline', l.sink) AS place, l.reason AS reason,
    l.lost AS lost, l.last AS last, uniqExactIf(j.job_id, j.job_id != '' AND j.first <= l.last AND j.last >= l.first - toIntervalMinute(10)) AS jobs
FROM
(
    SELECT tenant, host_id, max(host_name) AS host_name, sink, reason, sum(events) AS lost, min(ts) AS first, max(ts) AS last
    FROM losses FINAL
    WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
    GROUP BY tenant, host_id, sink, reason
) AS l
LEFT JOIN (SELECT tenant, host_id, region FROM nodes FINAL) AS n ON n.tenant = l.tenant AND n.host_id = l.host_id
LEFT JOIN
(
    SELECT tenant, host_id, job_id, min(jobs.first) AS first, max(jobs.last) AS last FROM jobs GROUP BY tenant, host_id, job_id
) AS j ON j.tenant = l.tenant AND j.host_id = l.host_id
GROUP BY host_name, region, place, reason, lost, last
ORDER BY lost DESC, host_name, reason
LIMIT 100
