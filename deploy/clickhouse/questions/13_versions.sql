-- Which versions of tracego run, and on which nodes?
-- A version is the last that the node's heartbeat named.
SELECT version, uniqExact(host_id) AS nodes, groupArray(5)(host_name) AS some, max(last) AS last
FROM
(
    SELECT host_id, argMax(host_name, ts) AS host_name, argMax(version, ts) AS version, max(ts) AS last
    FROM heartbeats WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')} GROUP BY tenant, host_id
)
GROUP BY version
ORDER BY nodes DESC, version
LIMIT 100
