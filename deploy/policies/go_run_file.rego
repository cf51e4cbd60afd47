package tracego.process

# METADATA
# title: go run in a CI job
# description: >-
#   go run builds a program, starts it and throws it away: it carries no commit and is not what was tested
#   or released. Files are built outside of any module path, and what a cut command line runs is not known. Packages of `allowed_packages` may run.
# related_resources:
# - https://pkg.go.dev/cmd/go#hdr-Compile_and_run_Go_program
# custom:
#   rule: go-run-file
#   severity: high
found contains {
	"id": "go-run-file",
	"severity": "high",
	"action": "kill",
	"msg": sprintf("go run %s was executed in a CI job; nothing says afterwards what ran", [run_package]),
	"remediation": "Build a package with go build and start the file that it makes, or run a package that the policy lists, such as go run ./cmd/NAME.",
} if {
	is_go_run
	run_target in {"files", "unknown"}
	in_job
	not is_generated
	not is_allowed(run_package)
}

# METADATA
# title: go run of a package that is not listed, in a CI job
# description: A package of the module, or of another one at a fixed version, that `allowed_packages` does not name.
# custom:
#   rule: go-run-package
#   severity: medium
found contains {
	"id": "go-run-package",
	"severity": "medium",
	"action": "none",
	"msg": sprintf("go run %s runs a package in a CI job that the policy does not list", [run_package]),
	"remediation": "Build once with go build, keep the file, and start that; or list the package in allowed_packages.",
} if {
	is_go_run
	run_target in {"local", "resolved", "pinned"}
	in_job
	not is_generated
	not is_allowed(run_package)
}
