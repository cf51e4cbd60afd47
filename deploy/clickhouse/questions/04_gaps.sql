-- Does the store have every record: which numbers are missing, by node and run of tracego?
-- `before` counts numbers ahead of the first one that is there. A run whose sink has a spool goes on where the run
-- before it ended, and is compared with that one. What is missing at the end of a run shows in seals and silent nodes.
SELECT host_name, host_id, instance_id, counter, have, lo, hi, hi - lo + 1 - have AS inside,
    if(lo = previous + 1, 0, lo - 1) AS before, inside + before AS missing, first, last
FROM
(
    SELECT *, lagInFrame(hi, 1, 0) OVER (PARTITION BY tenant, host_id, counter ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS previous
    FROM
    (
        SELECT tenant, host_id, instance_id, counter, max(host_name) AS host_name, groupBitmapMerge(seqs) AS have,
            min(seqs.lo) AS lo, max(seqs.hi) AS hi, min(seqs.first) AS first, max(seqs.last) AS last
        FROM seqs GROUP BY tenant, host_id, instance_id, counter
    )
)
WHERE missing > 0 AND last >= {from:DateTime('UTC')} AND first < {to:DateTime('UTC')}
ORDER BY missing DESC, host_name
LIMIT 100
