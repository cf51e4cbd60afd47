#!/usr/bin/env python3
"""Prints Sigma rules as one query for ClickHouse, which `local.py ask FILE` asks.

    convert.py                      the rules of this folder
    convert.py FILE|FOLDER ...      other rules

A rule that asks for fields that tracego does not have is named, and left out with --skip.
"""
# /// script
# dependencies = ["pysigma==1.5.1", "pysigma-backend-clickhouse==1.1.1"]
# ///
import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = (
    "ts, host_name, level, rule, job_id, container_id, User, Image, CommandLine, ParentImage, ProcessId, exec_id, rule_id"
)


def quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def files(given):
    """The rules that were given; a folder stands for those in it and below."""
    for path in given:
        yield from sorted(path.rglob("*.yml")) if path.is_dir() else [path]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="*", type=pathlib.Path, default=[HERE / "rules"])
    parser.add_argument("--skip", action="store_true", help="leaves out rules that cannot be converted")
    given = parser.parse_args()
    try:
        import yaml
        from sigma.backends.clickhouse import ClickhouseBackend
        from sigma.collection import SigmaCollection
        from sigma.exceptions import SigmaError
        from sigma.processing.pipeline import ProcessingPipeline
    except ImportError:
        sys.exit("convert.py: pySigma is missing: pip install pysigma==1.5.1 pysigma-backend-clickhouse==1.1.1")
    fields = ProcessingPipeline.from_yaml((HERE / "clickhouse.yml").read_text(encoding="utf-8"))
    parts, failed = [], 0
    for path in files(given.rules):
        try:
            collection = SigmaCollection.from_yaml(path.read_text(encoding="utf-8"))
            queries = ClickhouseBackend(processing_pipeline=fields).convert(collection)
            rule = collection.rules[0]
            level = rule.level.name.lower() if rule.level else "informational"
        except (SigmaError, yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            print(f"convert.py: {path}: {error}", file=sys.stderr)
            failed += 1
            continue
        head = f"SELECT {quoted(path.stem)} AS rule, {quoted(str(rule.id))} AS rule_id, {quoted(level)} AS level"
        parts += [f"    {head}, * FROM ({query})" for query in queries]
    if failed and not given.skip:
        sys.exit(f"convert.py: {failed} rules were not converted; --skip leaves them out")
    if not parts:
        sys.exit("convert.py: no rules")
    print(f"-- Which programs started that {len(parts)} Sigma rules look for?")
    print(f"SELECT {COLUMNS} FROM (")
    print("\n    UNION ALL\n".join(parts))
    print(") WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}")
    print("ORDER BY ts, rule")


if __name__ == "__main__":
    main()
