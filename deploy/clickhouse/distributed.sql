-- The database tracego_all: the tables of all shards of the cluster `tracego` (server/cluster.xml) as one. Apply it on each
-- server, after the migrations (`local.py migrate --replicated`). Agents insert into tracego_all.ingest at any server; rows
-- go to the shard of their host.id, so that a node's numbers, jobs and seals are on one shard. Questions are asked with
-- `--database tracego_all`, the inventory is filled through it, and readers need `GRANT SELECT ON tracego_all.*`.
CREATE DATABASE IF NOT EXISTS tracego_all;

CREATE OR REPLACE TABLE tracego_all.ingest AS tracego.ingest ENGINE = Distributed('tracego', 'tracego', 'ingest', cityHash64(host.id));

CREATE TABLE IF NOT EXISTS tracego_all.starts AS tracego.starts ENGINE = Distributed('tracego', 'tracego', 'starts', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.exits AS tracego.exits ENGINE = Distributed('tracego', 'tracego', 'exits', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.first_seen AS tracego.first_seen ENGINE = Distributed('tracego', 'tracego', 'first_seen', cityHash64(repo, exe));
CREATE TABLE IF NOT EXISTS tracego_all.jobs AS tracego.jobs ENGINE = Distributed('tracego', 'tracego', 'jobs', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.findings AS tracego.findings ENGINE = Distributed('tracego', 'tracego', 'findings', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.decisions AS tracego.decisions ENGINE = Distributed('tracego', 'tracego', 'decisions', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.images AS tracego.images ENGINE = Distributed('tracego', 'tracego', 'images', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.stated_modules AS tracego.stated_modules ENGINE = Distributed('tracego', 'tracego', 'stated_modules', cityHash64(htlhash));
CREATE TABLE IF NOT EXISTS tracego_all.seqs AS tracego.seqs ENGINE = Distributed('tracego', 'tracego', 'seqs', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.heartbeats AS tracego.heartbeats ENGINE = Distributed('tracego', 'tracego', 'heartbeats', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.presence AS tracego.presence ENGINE = Distributed('tracego', 'tracego', 'presence', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.seals AS tracego.seals ENGINE = Distributed('tracego', 'tracego', 'seals', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.losses AS tracego.losses ENGINE = Distributed('tracego', 'tracego', 'losses', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.nodes AS tracego.nodes ENGINE = Distributed('tracego', 'tracego', 'nodes', cityHash64(host_id));
CREATE TABLE IF NOT EXISTS tracego_all.repos AS tracego.repos ENGINE = Distributed('tracego', 'tracego', 'repos', cityHash64(repo));
CREATE TABLE IF NOT EXISTS tracego_all.approved AS tracego.approved ENGINE = Distributed('tracego', 'tracego', 'approved', cityHash64(main));
CREATE TABLE IF NOT EXISTS tracego_all.image_modules AS tracego.image_modules ENGINE = Distributed('tracego', 'tracego', 'image_modules', cityHash64(module));
CREATE TABLE IF NOT EXISTS tracego_all.process_creation AS tracego.process_creation ENGINE = Distributed('tracego', 'tracego', 'process_creation');
