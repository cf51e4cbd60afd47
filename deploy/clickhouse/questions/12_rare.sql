-- Which executables ran on one production node alone?
-- param nodes = 1: number of nodes up to which an executable is rare
SELECT i.exe AS exe, i.htlhash AS htlhash, max(i.sha256) AS sha256, uniqExact(i.host_id) AS nodes, groupUniqArray(3)(i.host_name) AS some, min(i.first) AS first, max(i.last) AS last
FROM images AS i
INNER JOIN (SELECT tenant, host_id FROM nodes FINAL WHERE role = 'production') AS n ON n.tenant = i.tenant AND n.host_id = i.host_id
GROUP BY i.tenant, exe, htlhash
HAVING nodes <= {nodes:UInt32} AND last >= {from:DateTime('UTC')} AND first < {to:DateTime('UTC')}
ORDER BY first DESC, exe
LIMIT 100
