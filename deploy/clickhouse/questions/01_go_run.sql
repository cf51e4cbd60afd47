-- Which jobs used `go run`, by team and repository?
-- param rule = TG001: the finding; `tracego rules list` has all
SELECT r.team AS team, f.repo AS repo, uniqExact(f.job_id) AS jobs, uniqExact(f.uid) AS runs,
    topK(3)(f.cmdline) AS commands, max(f.ts) AS last
FROM findings AS f
LEFT JOIN (SELECT tenant, repo, team FROM repos FINAL) AS r ON r.tenant = f.tenant AND r.repo = f.repo
WHERE f.id = {rule:String} AND f.job_id != '' AND f.ts >= {from:DateTime('UTC')} AND f.ts < {to:DateTime('UTC')}
GROUP BY team, repo
ORDER BY jobs DESC, runs DESC, repo
LIMIT 100
