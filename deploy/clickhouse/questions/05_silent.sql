-- Which nodes were silent, for how long, and which still are or never said a word?
-- The sign of life is tracego.heartbeat, every minute unless `--heartbeat` says otherwise.
-- Nodes that may have been silent are found in tracego.presence, by minutes; how long they were, in their heartbeats.
-- param gap = 300: seconds without a sign of life
WITH {to:DateTime('UTC')} AS until,
candidates AS
(
    SELECT tenant, host_id
    FROM
    (
        SELECT tenant, host_id, hour, bits, begins, ends, lagInFrame(ends, 1, begins) OVER (PARTITION BY tenant, host_id ORDER BY hour ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
        FROM
        (
            SELECT tenant, host_id, hour, trim(BOTH '0' FROM bin(groupBitOr(minutes))) AS bits, min(presence.first) AS begins, max(presence.last) AS ends
            FROM presence WHERE hour < until GROUP BY tenant, host_id, hour
        )
    )
    GROUP BY tenant, host_id
    HAVING {gap:UInt32} < 120 OR max(position(bits, repeat('0', intDiv({gap:UInt32}, 60) - 1))) > 0 OR max(dateDiff('second', before, begins)) >= {gap:UInt32}
        OR dateDiff('second', maxIf(ends, ends < until), until) >= {gap:UInt32}
)
SELECT host_name, host_id, count() AS silences, max(seconds) AS longest, argMax(since, seconds) AS longest_since,
    max(is_last) AS still, max(is_never) AS never
FROM
(
    SELECT name AS host_name, host_id, silence.1 AS since, dateDiff('second', silence.1, silence.2) AS seconds, silence.2 = until AS is_last, 0 AS is_never
    FROM
    (
        SELECT host_id, max(host_name) AS name, arrayPushBack(arraySort(groupArray(ts)), toDateTime64(until, 9, 'UTC')) AS times,
            arrayFilter(one -> dateDiff('second', one.1, one.2) > {gap:UInt32} AND (one.1 >= {from:DateTime('UTC')} OR one.2 = until),
                arrayZip(arrayPopBack(times), arrayPopFront(times))) AS silences
        FROM heartbeats WHERE ts < until AND (tenant, host_id) IN candidates GROUP BY tenant, host_id
    )
    ARRAY JOIN silences AS silence
    UNION ALL
    SELECT host_name, host_id, toDateTime64(0, 9, 'UTC'), dateDiff('second', toDateTime64(0, 9, 'UTC'), until), 1, 1
    FROM nodes FINAL WHERE (tenant, host_id) NOT IN (SELECT tenant, host_id FROM seqs)
)
GROUP BY host_name, host_id
ORDER BY never DESC, still DESC, longest DESC, host_name
LIMIT 100
