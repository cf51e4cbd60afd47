-- Which host ids belong to several machines (cloned images): two boots of one id that ran at the same time?
-- Machines that were resumed from one image of the memory share the boot id, too, and are not found.
WITH boots AS
(
    SELECT tenant, host_id, boot_id, max(host_name) AS host_name, min(seqs.first) AS first, max(seqs.last) AS last
    FROM seqs WHERE boot_id != '' GROUP BY tenant, host_id, boot_id
)
SELECT a.host_id AS host_id, uniqExact(a.boot_id) AS machines, groupUniqArray(5)(a.host_name) AS names,
    min(greatest(a.first, b.first)) AS since, max(least(a.last, b.last)) AS until
FROM boots AS a INNER JOIN boots AS b ON b.tenant = a.tenant AND b.host_id = a.host_id
WHERE a.boot_id != b.boot_id AND a.first <= b.last AND b.first <= a.last
    AND least(a.last, b.last) >= {from:DateTime('UTC')} AND greatest(a.first, b.first) < {to:DateTime('UTC')}
GROUP BY a.tenant, host_id
ORDER BY machines DESC, host_id
LIMIT 100
