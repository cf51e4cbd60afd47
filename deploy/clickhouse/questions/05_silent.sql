-- Which nodes were silent, for how long, and which still are or never said a word?
-- The sign of life is tracego.heartbeat, every minute unless `--heartbeat` says otherwise.
-- param gap = 300: seconds without a sign of life
WITH {to:DateTime('UTC')} AS until
SELECT host_name, host_id, count() AS silences, max(seconds) AS longest, argMax(since, seconds) AS longest_since,
    max(is_last) AS still, max(is_never) AS never
FROM
(
    SELECT host_name, host_id, previous AS since, dateDiff('second', previous, ts) AS seconds, 0 AS is_last, 0 AS is_never
    FROM
    (
        SELECT host_name, host_id, ts, lagInFrame(ts, 1, ts) OVER (PARTITION BY tenant, host_id ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
        FROM heartbeats WHERE ts >= {from:DateTime('UTC')} AND ts < until
    )
    UNION ALL
    SELECT max(host_name), host_id, max(ts) AS since, dateDiff('second', since, until), 1, 0
    FROM heartbeats WHERE ts < until GROUP BY tenant, host_id
    UNION ALL
    SELECT host_name, host_id, toDateTime64(0, 9, 'UTC'), dateDiff('second', toDateTime64(0, 9, 'UTC'), until), 1, 1
    FROM nodes FINAL WHERE (tenant, host_id) NOT IN (SELECT tenant, host_id FROM seqs)
)
WHERE seconds > {gap:UInt32}
GROUP BY host_name, host_id
ORDER BY never DESC, still DESC, longest DESC, host_name
LIMIT 100
