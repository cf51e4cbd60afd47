-- What the owners of a fleet know, and tracego does not. Fill these tables from your inventory; the last row counts.
CREATE TABLE IF NOT EXISTS tracego.nodes
(
    tenant LowCardinality(String) DEFAULT 'default',
    host_id String,
    host_name String,
    role LowCardinality(String),
    region LowCardinality(String),
    team LowCardinality(String)
) ENGINE = ReplacingMergeTree ORDER BY (tenant, host_id);

CREATE TABLE IF NOT EXISTS tracego.repos
(
    tenant LowCardinality(String) DEFAULT 'default',
    repo String,
    team LowCardinality(String)
) ENGINE = ReplacingMergeTree ORDER BY (tenant, repo);

-- Releases that may run in production: the main package and its commit. With a digest, that file alone is approved.
CREATE TABLE IF NOT EXISTS tracego.approved
(
    tenant LowCardinality(String) DEFAULT 'default',
    main String,
    revision String,
    sha256 String,
    committed DateTime('UTC'),
    approved DateTime('UTC')
) ENGINE = ReplacingMergeTree ORDER BY (tenant, main, revision, sha256);

-- The modules in an executable, by its digest. Records have their number alone (tracego.go.build.dependencies): fill
-- this table from bills of materials. A view on records will fill it once records have modules.
CREATE TABLE IF NOT EXISTS tracego.image_modules
(
    tenant LowCardinality(String) DEFAULT 'default',
    sha256 String,
    module LowCardinality(String),
    version LowCardinality(String),
    sum String
) ENGINE = ReplacingMergeTree ORDER BY (tenant, module, version, sha256);

INSERT INTO tracego.migrations (version, name) VALUES (5, 'inventory');
