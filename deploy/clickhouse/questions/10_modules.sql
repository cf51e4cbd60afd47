-- Which nodes ran a program with a module below a version (a CVE), since when, and when last?
-- Known from the records of executables (`modules = true` of the sink), from the main modules that starts have, and from
-- bills of materials in tracego.image_modules.
-- param module = golang.org/x/crypto: path of the module
-- param below = v0.31.0: first version that is not affected
SELECT m.module AS module, m.version AS version, m.known_from AS known_from, i.exe AS exe, i.sha256 AS sha256,
    uniqExact(i.host_id) AS nodes, groupUniqArray(5)(i.host_name) AS some, min(i.first) AS first, max(i.last) AS last
FROM
(
    SELECT tenant, host_id, exe, htlhash, max(host_name) AS host_name, max(images.sha256) AS sha256,
        min(images.first) AS first, max(images.last) AS last, arrayJoin([htlhash, max(images.sha256)]) AS key
    FROM images GROUP BY tenant, host_id, exe, htlhash
) AS i
INNER JOIN
(
    SELECT tenant, sha256 AS key, module, version, 'bill of materials' AS known_from FROM image_modules FINAL WHERE module = {module:String}
    UNION DISTINCT
    SELECT tenant, htlhash, module, version, 'executable' FROM stated_modules WHERE module = {module:String}
    UNION DISTINCT
    SELECT tenant, htlhash, go_module, go_module_version, 'record' FROM images WHERE go_module = {module:String}
) AS m ON m.tenant = i.tenant AND m.key = i.key
WHERE m.key != '' AND m.version LIKE 'v%' AND i.last >= {from:DateTime('UTC')} AND i.first < {to:DateTime('UTC')}
    AND (arrayMap(n -> toUInt32OrZero(n), arraySlice(extractAll(m.version, '[0-9]+'), 1, 3)), position(m.version, '-') = 0)
        < (arrayMap(n -> toUInt32OrZero(n), arraySlice(extractAll({below:String}, '[0-9]+'), 1, 3)), position({below:String}, '-') = 0)
GROUP BY module, version, known_from, exe, sha256
ORDER BY nodes DESC, exe
LIMIT 100
