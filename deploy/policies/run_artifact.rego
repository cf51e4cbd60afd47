package tracego.process

# METADATA
# title: A program that go run made
# description: >-
#   It was linked into a temporary folder or into the build cache: there is no artifact of it that could be
#   signed, scanned or started again. What an allowed go run made may run in a CI job.
# custom:
#   rule: run-artifact
#   severity: high
found contains {
	"id": "run-artifact",
	"severity": "high",
	"action": "kill",
	"msg": sprintf("%s runs %s; go run %s made it, and there is no artifact of it", [executable, place, run_package]),
	"remediation": "Build once with go build, keep and ship the file, and start that.",
} if {
	role == "go-run-child"
	run_package != ""
	not is_run_in_job
	not is_generated
}

# METADATA
# title: A program where go run puts what it links
# description: The go run that made it is not known. It is where go run and nothing else that is kept puts programs.
# custom:
#   rule: run-artifact-unknown
#   severity: medium
found contains {
	"id": "run-artifact-unknown",
	"severity": "medium",
	"action": "none",
	"msg": sprintf("%s runs %s from where go run puts what it links, and there is no artifact of it", [executable, place]),
	"remediation": "Build once with go build -o in a folder of the project, and start that file.",
} if {
	is_of_unknown_run
	place
}

is_run_in_job if {
	in_job
	is_allowed(run_package)
}

is_of_unknown_run if {
	role == "go-run-child"
	run_package == ""
}

# go-build1234/b001/exe/NAME of Go before 1.24 and without a cache, go-build/3f/3fdb…-d/NAME since.
is_of_unknown_run if {
	role in {"", "go-service"}
	contains(executable, "/go-build")
	regex.match(`/go-build[0-9]*/(b[0-9]+/exe/|[0-9a-f]{2}/[0-9a-f]{64}-d/)[^/]+$`, executable)
	not endswith(executable, ".test")
}
