-- How many programs start a second, by role of the node?
-- param step = 60: seconds of one row
SELECT s.time AS time, if(n.role = '', 'unknown', n.role) AS role, sum(s.starts) AS starts,
    round(starts / {step:UInt32}, 3) AS per_second, uniqExact(s.host_id) AS nodes
FROM
(
    SELECT tenant, host_id, toStartOfInterval(toDateTime(ts, 'UTC'), toIntervalSecond({step:UInt32})) AS time, count() AS starts
    FROM starts WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
    GROUP BY tenant, host_id, time
) AS s
LEFT JOIN (SELECT tenant, host_id, role FROM nodes FINAL) AS n ON n.tenant = s.tenant AND n.host_id = s.host_id
GROUP BY time, role
ORDER BY time, role
LIMIT 10000
