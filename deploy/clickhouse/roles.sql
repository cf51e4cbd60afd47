-- Rights: agents may insert and nothing else, readers may read, and the inventory has writers of its own.
-- Apply it after the migrations, with a user that may manage access; then create users, for example:
--
--   CREATE USER acme IDENTIFIED BY '...' DEFAULT ROLE tracego_agent;          the nodes of the tenant acme
--   CREATE USER acme_auditor IDENTIFIED BY '...' DEFAULT ROLE tracego_reader;
--
-- Nodes that insert as the user acme are those of the tenant acme (see tenants.sql). Views run with the rights of the
-- user that applied the migrations, which must stay.
CREATE SETTINGS PROFILE IF NOT EXISTS tracego_reading SETTINGS
    max_execution_time = 60, max_memory_usage = 8000000000, max_result_rows = 1000000, readonly = 2,
    prefer_global_in_and_join = 1;

CREATE SETTINGS PROFILE IF NOT EXISTS tracego_inserting SETTINGS
    async_insert = 1, wait_for_async_insert = 1, async_insert_deduplicate = 1,
    deduplicate_blocks_in_dependent_materialized_views = 1;

CREATE ROLE IF NOT EXISTS tracego_agent SETTINGS PROFILE tracego_inserting;
GRANT INSERT ON tracego.ingest TO tracego_agent;

CREATE ROLE IF NOT EXISTS tracego_reader SETTINGS PROFILE tracego_reading;
GRANT SELECT ON tracego.* TO tracego_reader;

CREATE ROLE IF NOT EXISTS tracego_inventory;
GRANT SELECT, INSERT ON tracego.nodes TO tracego_inventory;
GRANT SELECT, INSERT ON tracego.repos TO tracego_inventory;
GRANT SELECT, INSERT ON tracego.approved TO tracego_inventory;
GRANT SELECT, INSERT ON tracego.image_modules TO tracego_inventory;
