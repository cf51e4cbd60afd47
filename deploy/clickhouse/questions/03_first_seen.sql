-- What ran in a repository's jobs that never ran there before?
SELECT repo, exe, htlhash, min(first_seen.first) AS first, uniqMerge(hosts) AS nodes, sum(first_seen.runs) AS runs
FROM first_seen
WHERE repo != ''
GROUP BY tenant, repo, exe, htlhash
HAVING first >= {from:DateTime('UTC')} AND first < {to:DateTime('UTC')}
ORDER BY first DESC, repo, exe
LIMIT 100
