-- How long does a commit take to its first run in production, by service?
SELECT main, count() AS releases, round(quantileExact(0.5)(hours), 2) AS median_hours, round(max(hours), 2) AS worst_hours, argMax(revision, hours) AS worst
FROM
(
    SELECT i.go_main AS main, i.go_revision AS revision,
        dateDiff('second', min(a.committed), min(i.first)) / 3600 AS hours
    FROM images AS i
    INNER JOIN (SELECT tenant, host_id FROM nodes FINAL WHERE role = 'production') AS n ON n.tenant = i.tenant AND n.host_id = i.host_id
    INNER JOIN (SELECT tenant, main, revision, min(approved.committed) AS committed FROM approved GROUP BY tenant, main, revision) AS a
        ON a.tenant = i.tenant AND a.main = i.go_main AND a.revision = i.go_revision
    GROUP BY i.tenant, main, revision
    HAVING min(i.first) >= {from:DateTime('UTC')} AND min(i.first) < {to:DateTime('UTC')}
)
GROUP BY main
ORDER BY median_hours DESC, main
LIMIT 100
