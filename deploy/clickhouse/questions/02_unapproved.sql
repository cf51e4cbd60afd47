-- Which programs of ours ran on production nodes without being approved?
-- A program is approved if tracego.approved has its main package and commit, and its SHA-256 where one is given there.
-- Package and commit are what the file says about itself; the SHA-256 and the verdict are no claims.
-- param main = %: main packages that are ours, as a LIKE pattern such as example.com/%
SELECT n.region AS region, i.exe AS exe, i.go_main AS main, i.go_revision AS revision, i.go_modified AS modified,
    i.sha256 AS sha256, i.verdict AS verdict, uniqExact(i.host_id) AS nodes, groupUniqArray(5)(i.host_name) AS some,
    min(i.first) AS first, max(i.last) AS last
FROM
(
    SELECT tenant, host_id, exe, htlhash, max(host_name) AS host_name, max(sha256) AS sha256, max(verdict) AS verdict,
        max(go_main) AS go_main, max(go_revision) AS go_revision, max(go_modified) AS go_modified,
        min(images.first) AS first, max(images.last) AS last
    FROM images GROUP BY tenant, host_id, exe, htlhash
) AS i
INNER JOIN (SELECT tenant, host_id, role, region FROM nodes FINAL) AS n ON n.tenant = i.tenant AND n.host_id = i.host_id
WHERE n.role = 'production' AND i.go_main != '' AND i.go_main LIKE {main:String}
    AND i.last >= {from:DateTime('UTC')} AND i.first < {to:DateTime('UTC')}
    AND (i.tenant, i.go_main, i.go_revision, '') NOT IN (SELECT tenant, main, revision, sha256 FROM approved)
    AND (i.tenant, i.go_main, i.go_revision, i.sha256) NOT IN (SELECT tenant, main, revision, sha256 FROM approved)
GROUP BY region, exe, main, revision, modified, sha256, verdict
ORDER BY nodes DESC, exe
LIMIT 100
