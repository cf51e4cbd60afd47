-- Retention: 14 days on the server's disk, then in object storage, deleted after 400 days. Apply it after the migrations,
-- on a server that has the storage policy `tracego` (server/storage.xml). Findings, decisions, seals and what else is
-- small stays on the fast disk until it is deleted.
ALTER TABLE tracego.starts MODIFY SETTING storage_policy = 'tracego';
ALTER TABLE tracego.starts MODIFY TTL
    toDateTime(ts) + INTERVAL 14 DAY TO VOLUME 'objects',
    toDateTime(ts) + INTERVAL 400 DAY DELETE;

ALTER TABLE tracego.exits MODIFY SETTING storage_policy = 'tracego';
ALTER TABLE tracego.exits MODIFY TTL
    toDateTime(ts) + INTERVAL 14 DAY TO VOLUME 'objects',
    toDateTime(ts) + INTERVAL 400 DAY DELETE;
