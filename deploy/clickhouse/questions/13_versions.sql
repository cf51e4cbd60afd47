-- Which versions of tracego run with which configuration, on which nodes, and what waits there?
-- Of each node, the last heartbeat counts. `waiting` is the number of records in all queues, `oldest_s` the age of the
-- oldest of them.
SELECT version, configuration, enforcement_mode, uniqExact(host_id) AS nodes, groupArray(5)(host_name) AS some, max(last) AS last,
    sum(waits) AS waiting, max(oldest) AS oldest_s
FROM
(
    SELECT host_id, argMax(host_name, ts) AS host_name, argMax(version, ts) AS version, argMax(configuration, ts) AS configuration,
        argMax(enforcement_mode, ts) AS enforcement_mode, argMax(arraySum(mapValues(waiting)), ts) AS waits,
        argMax(toUInt64(arrayMax(arrayConcat([0], mapValues(oldest_age_ms))) / 1000), ts) AS oldest, max(ts) AS last
    FROM heartbeats WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')} GROUP BY tenant, host_id
)
GROUP BY version, configuration, enforcement_mode
ORDER BY nodes DESC, version
LIMIT 100
