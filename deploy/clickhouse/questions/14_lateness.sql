-- Where do records come late: from the program start to tracego's output, by node?
-- A program that ran before tracego is left out.
SELECT host_name, host_id, starts, round(both[1] / 1000, 3) AS median_ms, round(both[2] / 1000, 3) AS p99_ms, round(worst / 1000, 3) AS worst_ms
FROM
(
    SELECT host_name, host_id, count() AS starts, quantiles(0.5, 0.99)(delay_us) AS both, max(delay_us) AS worst
    FROM starts
    WHERE NOT inventory AND ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
    GROUP BY tenant, host_name, host_id
)
ORDER BY p99_ms DESC, host_name
LIMIT 100
