"""Prints the documents of the YAML on standard input as one list in JSON."""

import json
import sys

import yaml

json.dump([document for document in yaml.safe_load_all(sys.stdin) if document], sys.stdout)
