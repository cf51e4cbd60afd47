-- What ran in a repository's jobs that never ran there before?
-- The go command's temporary folders count as one: their numbers are others in each run.
SELECT repo, replaceRegexpOne(first_seen.exe, '/go-build[0-9]+/', '/go-build*/') AS exe, htlhash, min(first_seen.first) AS first, uniqMerge(hosts) AS nodes, sum(first_seen.runs) AS runs
FROM first_seen
WHERE repo != ''
GROUP BY tenant, repo, exe, htlhash
HAVING first >= {from:DateTime('UTC')} AND first < {to:DateTime('UTC')}
ORDER BY first DESC, repo, exe
LIMIT 100
