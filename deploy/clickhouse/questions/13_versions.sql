-- Which versions of tracego run with which configuration, on which nodes, and what waits there?
-- Of each node, the last heartbeat counts. `waiting` is the number of records in all queues, `oldest_s` the age of the
-- oldest of them. Whole hours come from tracego.presence, the first and the last one from the heartbeats.
SELECT latest.version AS version, latest.configuration AS configuration, latest.mode AS enforcement_mode, uniqExact(host_id) AS nodes,
    groupArray(5)(host_name) AS some, max(last) AS last, sum(latest.waiting) AS waiting, max(latest.oldest_s) AS oldest_s
FROM
(
    SELECT host_id, argMax(name, seen) AS host_name, argMax(now, seen) AS latest, max(seen) AS last
    FROM
    (
        SELECT tenant, host_id, host_name AS name, finalizeAggregation(presence.latest) AS now, presence.last AS seen
        FROM presence WHERE hour >= {from:DateTime('UTC')} AND hour < toStartOfHour({to:DateTime('UTC')})
        UNION ALL
        SELECT tenant, host_id, host_name, latest, ts
        FROM heartbeats WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
            AND (ts >= toStartOfHour({to:DateTime('UTC')}) OR ts < toStartOfHour({from:DateTime('UTC')}) + INTERVAL 1 HOUR)
    )
    GROUP BY tenant, host_id
)
GROUP BY version, configuration, enforcement_mode
ORDER BY nodes DESC, version
LIMIT 100
