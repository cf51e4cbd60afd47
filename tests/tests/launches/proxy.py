"""Makes a module proxy of files (GOPROXY=file://…) with example.com/p v1.0.0."""

import pathlib
import sys
import zipfile

versions = pathlib.Path(sys.argv[1]) / "example.com/p/@v"
versions.mkdir(parents=True)
go_mod = "module example.com/p\n\ngo 1.21\n"
(versions / "list").write_text("v1.0.0\n")
(versions / "v1.0.0.info").write_text('{"Version":"v1.0.0","Time":"2020-01-02T15:04:05Z"}')
(versions / "v1.0.0.mod").write_text(go_mod)
with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as module:
    module.writestr("example.com/p@v1.0.0/go.mod", go_mod)
    module.writestr("example.com/p@v1.0.0/main.go", "package main\n\nfunc main() {}\n")
