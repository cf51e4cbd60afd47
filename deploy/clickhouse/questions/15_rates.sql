-- How many programs start a second, by role of the node?
-- param step = 60: seconds of one row
SELECT toStartOfInterval(toDateTime(s.ts, 'UTC'), toIntervalSecond({step:UInt32})) AS time, if(n.role = '', 'unknown', n.role) AS role,
    count() AS starts, round(starts / {step:UInt32}, 3) AS per_second, uniqExact(s.host_id) AS nodes
FROM starts AS s
LEFT JOIN (SELECT tenant, host_id, role FROM nodes FINAL) AS n ON n.tenant = s.tenant AND n.host_id = s.host_id
WHERE s.ts >= {from:DateTime('UTC')} AND s.ts < {to:DateTime('UTC')}
GROUP BY time, role
ORDER BY time, role
LIMIT 10000
