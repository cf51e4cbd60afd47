"""Pictures of the dashboards of `deploy/grafana`, drawn from their JSON and SQL and a simulated fleet with faults.

    pictures.py STORE RECORDS FOLDER

RECORDS has full records of a CI job; FOLDER gets a picture of each dashboard. This is a stand-in for Grafana: it knows
the places, the types and the SQL of panels, and nothing else of them.
"""
import glob
import hashlib
import json
import os
import re
import sys

from measure import END, HERE, LOCAL_STORE, simulate
from svg import Panel, page

NODES, STARTS, SERVICES, RELEASES = 40, 13600, 3, 2
DASHBOARDS = os.path.join(HERE, "../../../deploy/grafana")
BEGIN = END // 10**9 - 86400


def expanded(sql):
    """The SQL of a panel for the day of the fleet, without the macros of Grafana's data source."""
    begin, end = f"toDateTime({BEGIN}, 'UTC')", f"toDateTime({END // 10**9}, 'UTC')"
    sql = re.sub(r"\$__timeFilter\(([^)]*)\)", rf"(\1 >= {begin} AND \1 <= {end})", sql)
    return sql.replace("$__fromTime", begin).replace("$__toTime", end)


def drawn(engine, panel):
    """A panel with the rows of its SQL."""
    answer = engine.query(expanded(panel["targets"][0]["rawSql"]), "JSONCompactEachRowWithNamesAndTypes", {})
    names, kinds, *rows = [json.loads(line) for line in answer.decode().splitlines()]
    return Panel(panel, names, kinds, rows)


def main():
    store, records, folder = sys.argv[1:]
    engine = LOCAL_STORE.Engine(store)
    with open(records, encoding="utf-8") as file:
        simulate(engine, file.readlines(), None, NODES, 1, STARTS, SERVICES, RELEASES).load()
    # Rows that a query does not order come in the order of the parts.
    tables = engine.query("SELECT name FROM system.tables WHERE database = 'tracego' AND engine LIKE '%MergeTree'", "TabSeparated", {})
    for table in tables.decode().split():
        engine.query(f"OPTIMIZE TABLE tracego.{table} FINAL", "TabSeparated", {})
    engine.query("SET max_threads = 1, output_format_json_quote_64bit_integers = 0", "TabSeparated", {})
    for path in sorted(glob.glob(os.path.join(DASHBOARDS, "*.json"))):
        with open(path, "rb") as file:
            text = file.read()
        dashboard = json.loads(text)
        panels = [drawn(engine, panel) for panel in dashboard["panels"] if "gridPos" in panel and panel.get("targets")]
        name = os.path.basename(path)
        about = f"{dashboard['description']} Drawn from {name} and a simulated fleet by tests/python/fleet/pictures.py, not by Grafana."
        picture = page(dashboard["title"], about, f"sha256:{hashlib.sha256(text).hexdigest()}", panels, BEGIN, END // 10**9)
        with open(os.path.join(folder, name.replace(".json", ".svg")), "w", encoding="utf-8") as file:
            file.write(picture)


if __name__ == "__main__":
    main()
