//! A static search for `go run` in Dockerfiles, CI files, scripts, units, manifests and Go source.
