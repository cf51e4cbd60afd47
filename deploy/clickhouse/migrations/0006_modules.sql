-- Members that later records have: the modules that executables name (records tracego.image, `modules = true` of the sink), the
-- command line of the parent, and what heartbeats say of a machine. A member of a tuple cannot be added alone, so they are
-- all here.
ALTER TABLE tracego.ingest MODIFY COLUMN tracego Tuple(
        boot_id LowCardinality(String), exec_id String, sink_seq UInt64, inventory Bool,
        ancestors Nested(pid UInt32, command LowCardinality(String), executable Tuple(path LowCardinality(String))),
        executable Tuple(
            deleted Bool, memfd Bool,
            digest Tuple(sha256 LowCardinality(String), state LowCardinality(String))),
        image Tuple(
            build_id Tuple(htlhash LowCardinality(String)),
            needed Array(LowCardinality(String)),
            modules Nested(
                path LowCardinality(String), version LowCardinality(String), sum String,
                replacement Tuple(path LowCardinality(String), version LowCardinality(String), sum String))),
        provenance Tuple(
            verdict LowCardinality(String), required Bool, signer LowCardinality(String),
            source Tuple(repository LowCardinality(String), revision LowCardinality(String))),
        elf LowCardinality(String),
        go Tuple(
            role LowCardinality(String),
            command Tuple(subcommand LowCardinality(String), package LowCardinality(String), target LowCardinality(String)),
            build Tuple(
                path LowCardinality(String),
                module Tuple(path LowCardinality(String), version LowCardinality(String)),
                vcs Tuple(revision LowCardinality(String), modified Bool),
                dependencies UInt32)),
        seccomp LowCardinality(String), no_new_privs Bool,
        capability LowCardinality(String), rlimit LowCardinality(String), namespace LowCardinality(String),
        parent Tuple(command_args Array(String)),
        host Tuple(id_source LowCardinality(String), label Map(LowCardinality(String), String)),
        sinks Map(LowCardinality(String), Tuple(waiting UInt64, waiting_bytes UInt64, oldest_age_ms UInt64)),
        configuration Tuple(
            sha256 LowCardinality(String),
            policies Nested(name LowCardinality(String), digest LowCardinality(String))),
        job Tuple(root Tuple(exec_id LowCardinality(String))),
        findings Nested(
            id LowCardinality(String), name LowCardinality(String), variant LowCardinality(String),
            severity LowCardinality(String), message String),
        policy Tuple(
            allow Nullable(Bool),
            violations Nested(bundle LowCardinality(String), id LowCardinality(String), msg String),
            warnings Nested(bundle LowCardinality(String), id LowCardinality(String), msg String),
            bundles Nested(name LowCardinality(String), digest LowCardinality(String))),
        enforcement Tuple(
            state LowCardinality(String), mode LowCardinality(String), action LowCardinality(String),
            rule LowCardinality(String), message String, executable LowCardinality(String), args Array(String)),
        exit Tuple(signal UInt8, run_time_ns UInt64, max_rss_bytes UInt64),
        completeness LowCardinality(String),
        lost Map(LowCardinality(String), UInt64),
        sink Tuple(name LowCardinality(String)),
        ledger Tuple(
            kernel Tuple(hooked UInt64, filtered UInt64, ring_full UInt64),
            processed UInt64, written UInt64, write_errors UInt64),
        seal Tuple(
            scope LowCardinality(String), window Tuple(start DateTime64(9, 'UTC'), end DateTime64(9, 'UTC')),
            job LowCardinality(String), sink LowCardinality(String), ended Bool,
            records UInt64, first_seq UInt64, last_seq UInt64, written UInt64, refused UInt64,
            pending Int64, link String));

-- One row for each executable and module; the htlhash stands for the executable, as in tracego.images. A replaced module has
-- the path and the version of what replaced it, except for a folder: its module has the version (devel).
CREATE TABLE IF NOT EXISTS tracego.stated_modules
(
    tenant LowCardinality(String),
    htlhash LowCardinality(String),
    module LowCardinality(String),
    version LowCardinality(String),
    sum String,
    replaces LowCardinality(String),
    replaces_version LowCardinality(String),
    last DateTime('UTC')
) ENGINE = ReplacingMergeTree(last)
ORDER BY (tenant, module, version, htlhash)
TTL last + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS tracego.stated_modules_view TO tracego.stated_modules AS SELECT
    tenant, tracego.image.build_id.htlhash AS htlhash,
    if(m.replacement.version IN ('', '(devel)'), m.path, m.replacement.path) AS module,
    if(m.replacement.path = '', m.version, m.replacement.version) AS version,
    if(m.replacement.path = '', m.sum, m.replacement.sum) AS sum,
    if(m.replacement.path = '', '', m.path) AS replaces, if(m.replacement.path = '', '', m.version) AS replaces_version,
    toDateTime(timestamp, 'UTC') AS last
FROM (
    SELECT tenant, timestamp, tracego, arrayJoin(arrayMap((p, v, s, r) -> (p, v, s, r)::Tuple(path String, version String, sum String,
        replacement Tuple(path String, version String, sum String)),
        tracego.image.modules.path, tracego.image.modules.version, tracego.image.modules.sum, tracego.image.modules.replacement)) AS m
    FROM tracego.ingest WHERE event_name = 'tracego.image'
);

INSERT INTO tracego.migrations (version, name) VALUES (6, 'modules');
