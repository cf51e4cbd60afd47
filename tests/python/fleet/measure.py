"""Fills a store with the simulated fleet, asks all questions, and prints what was found, and what it cost, as JSON.

    measure.py STORE RECORDS [--work FOLDER] [--nodes N] [--days N] [--starts N] [--as-json N]

RECORDS has full records of real builds (--detail full). FOLDER is where they ran, one folder below it for each round.
"""
import argparse
import importlib.util
import json
import os
import resource
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LOCAL = os.path.join(HERE, "../../../deploy/clickhouse/local.py")
END = 1795651200 * 10**9  # 2026-11-26


def local():
    """The module `deploy/clickhouse/local.py`."""
    spec = importlib.util.spec_from_file_location("local", LOCAL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOCAL_STORE = local()


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def simulate(engine, lines, work, nodes, days, starts, services=12, releases=7):
    """A simulation of a fleet with the faults, not yet loaded."""
    from faults import planted_kinds
    from hosts import Fleet
    from simulation import Simulation
    from templates import load

    kinds, heartbeat = load(lines, work)
    fleet = Fleet(kinds, planted_kinds(kinds, heartbeat), nodes, days, starts, END, services, releases)
    return Simulation(engine, fleet, heartbeat, LOCAL_STORE.INSERT_SETTINGS)


def sizes(engine, tables=("starts", "exits", "heartbeats", "seqs", "jobs", "images", "first_seen", "findings", "seals")):
    """Rows and bytes of tables whose parts are merged, and bytes of a row by column."""
    found = {}
    for table in tables:
        engine.query(f"OPTIMIZE TABLE tracego.{table} FINAL", "TabSeparated", {})
        rows, size = engine.query(
            f"SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'tracego' AND table = '{table}'", "TabSeparated", {}).split()
        columns = engine.query(
            "SELECT column, sum(column_data_compressed_bytes) / sum(rows) AS size FROM system.parts_columns "
            f"WHERE active AND database = 'tracego' AND table = '{table}' GROUP BY column ORDER BY size DESC LIMIT 14", "TabSeparated", {})
        found[table] = {"rows": int(rows), "bytes": int(size) / max(int(rows), 1),
                        "columns": {name: float(size) for name, size in (line.split("\t") for line in columns.decode().splitlines())}}
    return found


def real(folder, lines):
    """The real records alone, inserted as the sink does, in batches of 2,000. Returns sizes and records a CPU second."""
    engine = LOCAL_STORE.Engine(folder)
    begun = cpu()
    for at in range(0, len(lines), 2000):
        settings = LOCAL_STORE.INSERT_SETTINGS | {"max_threads": "1", "insert_deduplication_token": str(at)}
        engine.insert("INSERT INTO tracego.ingest FORMAT JSONEachRow", "".join(lines[at:at + 2000]).encode(), settings)
    rate = len(lines) / (cpu() - begun)
    found = {"sizes": sizes(engine, ("starts", "exits")), "rate": rate, "records": len(lines),
             "json": sum(len(line) for line in lines if '"tracego.process.start"' in line[:200]) / sum('"tracego.process.start"' in line[:200] for line in lines)}
    engine.session.close()
    return found


def timed(engine, sql, values, times=3):
    """The rows of a query on one thread, and the median of its CPU in milliseconds."""
    taken = []
    for _ in range(times):
        begun = cpu()
        rows = engine.query(sql, "JSONEachRow", values)
        taken.append((cpu() - begun) * 1000)
    return [json.loads(line) for line in rows.decode().splitlines()], sorted(taken)[times // 2]


def ask(engine, simulation):
    """Asks all questions. Returns for each what it cost, and what was wrong with its answer."""
    from faults import Expected

    expected = Expected(simulation)
    engine.query("SYSTEM STOP MERGES", "TabSeparated", {})
    engine.query("SET max_threads = 1", "TabSeparated", {})
    _, peer = timed(engine, "SELECT sum(start_ns) AS n FROM tracego.starts", {}, 5)
    found = {"peer": peer, "questions": {}}
    fleet = simulation.fleet
    for name, (values, check) in expected.answers().items():
        _, sql, defaults = LOCAL_STORE.question(name)
        defaults |= {"from": expected.at(fleet.begin), "to": expected.at(fleet.end)}
        defaults |= dict(value.split("=", 1) for value in values)
        rows, taken = timed(engine, sql, defaults)
        got, wanted = check(rows)
        found["questions"][name] = {"ms": taken, "rows": len(rows), "wrong": "" if got == wanted else f"{got!r:.600} instead of {wanted!r:.600}"}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("records")
    parser.add_argument("--work")
    for name, default in (("nodes", 500), ("days", 20), ("starts", 10**7), ("as-json", 50), ("services", 12), ("releases", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with open(given.records, encoding="utf-8") as file:
        lines = file.readlines()
    found = {"real": real(os.path.join(given.store, "real"), lines)}
    shutil.rmtree(os.path.join(given.store, "real"))
    engine = LOCAL_STORE.Engine(os.path.join(given.store, "fleet"))
    simulation = simulate(engine, lines, given.work, given.nodes, given.days, given.starts, given.services, given.releases)
    begun, cpu_begun = time.time(), cpu()
    simulation.load(given.as_json, lambda text: print(f"{time.time() - begun:.0f} s: {text}", file=sys.stderr, flush=True))
    found["engine"] = engine.query("SELECT version()", "TabSeparated", {}).decode().strip()
    found["load_cpu"] = cpu() - cpu_begun
    found["sizes"] = sizes(engine)
    found |= ask(engine, simulation)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
