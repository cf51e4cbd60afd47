-- Row policies of one tenant: the user acme_auditor sees the rows of the tenant acme alone, and the role tracego_auditor
-- those of all. Copy the first statement for each tenant. Apply it after roles.sql. With the first policy on a table,
-- users whom no policy names see none of its rows.
CREATE ROW POLICY IF NOT EXISTS tracego_acme ON
    tracego.starts, tracego.exits, tracego.first_seen, tracego.jobs, tracego.findings, tracego.decisions, tracego.images,
    tracego.stated_modules, tracego.seqs, tracego.heartbeats, tracego.presence, tracego.seals, tracego.losses,
    tracego.nodes, tracego.repos, tracego.approved, tracego.image_modules
USING tenant = 'acme' TO acme_auditor;

CREATE ROLE IF NOT EXISTS tracego_auditor SETTINGS PROFILE tracego_reading;
GRANT SELECT ON tracego.* TO tracego_auditor;
CREATE ROW POLICY IF NOT EXISTS tracego_all ON
    tracego.starts, tracego.exits, tracego.first_seen, tracego.jobs, tracego.findings, tracego.decisions, tracego.images,
    tracego.stated_modules, tracego.seqs, tracego.heartbeats, tracego.presence, tracego.seals, tracego.losses,
    tracego.nodes, tracego.repos, tracego.approved, tracego.image_modules
USING 1 TO tracego_auditor, tracego_inventory;
