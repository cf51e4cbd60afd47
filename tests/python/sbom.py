"""Validators of bills of materials, and modules to build programs with.

sbom.py cyclonedx-1.6|cyclonedx-1.7|spdx-2.3|spdx-3.0.1 FILE   prints a list of errors
sbom.py proxy FOLDER                                           writes a module proxy
"""

import json
import pathlib
import sys
import zipfile


def cyclonedx(version, path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(path.read_text())
    return [] if error is None else [str(error)]


def spdx2(path):
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    try:
        document = parse_file(str(path))
    except SPDXParsingError as error:
        return error.get_messages()
    return [message.validation_message for message in validate_full_spdx_document(document)]


def spdx3(path):
    from spdx_python_model import v3_0_1 as spdx

    objects = spdx.SHACLObjectSet()
    try:
        with path.open("rb") as file:
            spdx.JSONLDDeserializer().read(file, objects)
    except (TypeError, ValueError, KeyError) as error:
        return [repr(error)]
    errors = [f"missing {name}" for name in objects.missing_ids]
    if len(list(objects.foreach_type("SpdxDocument"))) != 1:
        errors.append("not one document")
    return errors


# Module, version, module in go.mod (None: it has no go.mod).
MODULES = [
    ("example.com/Upper/dep/v3", "v3.1.0", "example.com/Upper/dep/v3"),
    ("example.com/old", "v2.0.0+incompatible", None),
    ("example.com/pseudo", "v0.0.0-20200101000000-abcdefabcdef", "example.com/pseudo"),
    ("example.com/original", "v1.0.0", "example.com/original"),
    ("example.com/fork", "v1.9.0", "example.com/original"),
]


def escaped(text):
    return "".join(f"!{c.lower()}" if c.isupper() else c for c in text)


def proxy(folder):
    for path, version, named in MODULES:
        where = folder / escaped(path) / "@v"
        where.mkdir(parents=True, exist_ok=True)
        gomod = f"module {named or path}\n"
        (where / f"{version}.info").write_text(json.dumps({"Version": version, "Time": "2020-01-01T00:00:00Z"}))
        (where / f"{version}.mod").write_text(gomod)
        (where / "list").write_text("" if "-" in version else f"{version}\n")
        with zipfile.ZipFile(where / f"{version}.zip", "w") as archive:
            if named:
                archive.writestr(f"{path}@{version}/go.mod", gomod)
            archive.writestr(f"{path}@{version}/text.go", 'package text\n\nconst Text = "text"\n')


def main():
    what, path = sys.argv[1], pathlib.Path(sys.argv[2])
    if what == "proxy":
        return proxy(path)
    if what.startswith("cyclonedx-"):
        errors = cyclonedx(what.removeprefix("cyclonedx-"), path)
    else:
        errors = spdx2(path) if what == "spdx-2.3" else spdx3(path)
    print(json.dumps(errors))


main()
