-- What did policies and enforcement decide, by team and rule, and which bundle (by its digest) was in force?
SELECT d.origin AS origin, d.action AS action, d.bundle AS bundle, left(d.digest, 19) AS digest, d.rule AS rule, r.team AS team,
    uniqExact(d.uid) AS decisions, uniqExact(d.host_id) AS nodes, uniqExactIf(d.job_id, d.job_id != '') AS jobs, max(d.ts) AS last, any(d.cmdline) AS example
FROM decisions AS d
LEFT JOIN (SELECT tenant, repo, team FROM repos FINAL) AS r ON r.tenant = d.tenant AND r.repo = d.repo
WHERE d.ts >= {from:DateTime('UTC')} AND d.ts < {to:DateTime('UTC')}
GROUP BY origin, action, bundle, digest, rule, team
ORDER BY decisions DESC, rule
LIMIT 100
