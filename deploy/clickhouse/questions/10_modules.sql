-- Which nodes ran a program with a module below a version (a CVE), since when, and when last?
-- Records have the main module of a Go program with its version, and of the others their number alone: those are found
-- where tracego.image_modules has the bill of materials of the executable.
-- param module = golang.org/x/crypto: path of the module
-- param below = v0.31.0: first version that is not affected
SELECT m.module AS module, m.version AS version, m.known_from AS known_from, i.exe AS exe, i.sha256 AS sha256,
    uniqExact(i.host_id) AS nodes, groupUniqArray(5)(i.host_name) AS some, min(i.first) AS first, max(i.last) AS last
FROM
(
    SELECT tenant, host_id, exe, htlhash, max(host_name) AS host_name, max(sha256) AS sha256,
        max(go_module) AS go_module, max(go_module_version) AS go_module_version, min(images.first) AS first, max(images.last) AS last
    FROM images GROUP BY tenant, host_id, exe, htlhash
) AS i
INNER JOIN
(
    SELECT tenant, sha256, module, version, 'bill of materials' AS known_from FROM image_modules FINAL WHERE module = {module:String}
    UNION DISTINCT
    SELECT tenant, sha256, go_module, go_module_version, 'record' FROM images WHERE go_module = {module:String} AND sha256 != ''
) AS m ON m.tenant = i.tenant AND m.sha256 = i.sha256
WHERE m.version LIKE 'v%' AND i.last >= {from:DateTime('UTC')} AND i.first < {to:DateTime('UTC')}
    AND (arrayMap(n -> toUInt32OrZero(n), arraySlice(extractAll(m.version, '[0-9]+'), 1, 3)), position(m.version, '-') = 0)
        < (arrayMap(n -> toUInt32OrZero(n), arraySlice(extractAll({below:String}, '[0-9]+'), 1, 3)), position({below:String}, '-') = 0)
GROUP BY module, version, known_from, exe, sha256
ORDER BY nodes DESC, exe
LIMIT 100
