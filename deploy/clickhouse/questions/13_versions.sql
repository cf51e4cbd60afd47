-- Which versions of tracego run, and on which nodes?
-- A version is the last that the node's heartbeat named.
-- Whole hours come from tracego.presence, the first and the last one from the heartbeats.
SELECT version, uniqExact(host_id) AS nodes, groupArray(5)(host_name) AS some, max(last) AS last
FROM
(
    SELECT host_id, argMax(name, seen) AS host_name, argMax(version, seen) AS version, max(seen) AS last
    FROM
    (
        SELECT tenant, host_id, host_name AS name, finalizeAggregation(presence.version) AS version, presence.last AS seen
        FROM presence WHERE hour >= {from:DateTime('UTC')} AND hour < toStartOfHour({to:DateTime('UTC')})
        UNION ALL
        SELECT tenant, host_id, host_name, version, ts
        FROM heartbeats WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
            AND (ts >= toStartOfHour({to:DateTime('UTC')}) OR ts < toStartOfHour({from:DateTime('UTC')}) + INTERVAL 1 HOUR)
    )
    GROUP BY tenant, host_id
)
GROUP BY version
ORDER BY nodes DESC, version
LIMIT 100
