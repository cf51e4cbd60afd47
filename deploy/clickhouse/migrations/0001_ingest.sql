-- The table that tracego's sink inserts into. A Null table keeps nothing: views on it fill the tables of the later
-- migrations. Each migration may be applied again, and ends with its row in tracego.migrations.
CREATE DATABASE IF NOT EXISTS tracego;

CREATE TABLE IF NOT EXISTS tracego.migrations (version UInt32, name String, applied DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY version;

-- Members of a record that tables need; an insert skips the others. Objects that are rarely asked for (limits,
-- capabilities, ...) are read as text. No insert can set `tenant`: it is the user that inserts.
CREATE TABLE IF NOT EXISTS tracego.ingest
(
    tenant LowCardinality(String) MATERIALIZED currentUser(),
    event_name LowCardinality(String),
    timestamp DateTime64(9, 'UTC'),
    observed_timestamp DateTime64(9, 'UTC'),
    severity_number UInt8,
    body String,
    log Tuple(record Tuple(uid String)),
    seq UInt64,
    host Tuple(id LowCardinality(String), name LowCardinality(String)),
    service Tuple(version LowCardinality(String), instance Tuple(id LowCardinality(String))),
    process Tuple(
        pid UInt32, vpid UInt32, parent_pid UInt32,
        command LowCardinality(String), command_args Array(String),
        executable Tuple(path LowCardinality(String), build_id Tuple(htlhash LowCardinality(String))),
        working_directory LowCardinality(String),
        user Tuple(id UInt32, name LowCardinality(String)),
        real_user Tuple(id UInt32, name LowCardinality(String)),
        linux Tuple(cgroup LowCardinality(String)),
        runtime Tuple(name LowCardinality(String), version LowCardinality(String)),
        exit Tuple(code Int32)),
    container Tuple(id LowCardinality(String)),
    k8s Tuple(
        pod Tuple(uid LowCardinality(String), name LowCardinality(String)),
        namespace Tuple(name LowCardinality(String))),
    cicd Tuple(
        system Tuple(component LowCardinality(String)),
        pipeline Tuple(
            name LowCardinality(String),
            run Tuple(id LowCardinality(String)),
            task Tuple(name LowCardinality(String), run Tuple(id LowCardinality(String)))),
        worker Tuple(name LowCardinality(String))),
    vcs Tuple(
        ref Tuple(head Tuple(name LowCardinality(String), revision LowCardinality(String))),
        repository Tuple(url Tuple(full LowCardinality(String)))),
    tracego Tuple(
        boot_id LowCardinality(String), exec_id String, sink_seq UInt64, inventory Bool,
        ancestors Nested(pid UInt32, command LowCardinality(String), executable Tuple(path LowCardinality(String))),
        executable Tuple(
            deleted Bool, memfd Bool,
            digest Tuple(sha256 LowCardinality(String), state LowCardinality(String))),
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
            pending Int64, link String))
) ENGINE = Null;

INSERT INTO tracego.migrations (version, name) VALUES (1, 'ingest');
