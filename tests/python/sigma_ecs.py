"""Prints what pySigma reads in the Sigma rules of a folder, and what it converts for Elasticsearch with a field map.

    sigma_ecs.py FIELD_MAP RULES
"""

import json
import pathlib
import sys

import yaml
from sigma.backends.elasticsearch import LuceneBackend
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetectionItem


def fields(detection):
    """The fields that a detection asks for."""
    for item in detection.detection_items:
        if isinstance(item, SigmaDetectionItem):
            yield item.field
        else:
            yield from fields(item)


def main():
    pipeline, folder = map(pathlib.Path, sys.argv[1:3])
    printed = {}
    for path in sorted(folder.glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        field_map = ProcessingPipeline.from_yaml(pipeline.read_text(encoding="utf-8"))
        collection = SigmaCollection.from_yaml(text)
        query = LuceneBackend(processing_pipeline=field_map).convert(collection)
        # The conversion has renamed the fields of the rule.
        named = {name for one in collection.rules[0].detection.detections.values() for name in fields(one)}
        printed[path.stem] = {"rule": yaml.safe_load(text), "query": query, "fields": sorted(named)}
    json.dump(printed, sys.stdout, default=str)


if __name__ == "__main__":
    main()
