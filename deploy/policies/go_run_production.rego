package tracego.process

# METADATA
# title: go run in production
# description: A container or service of production builds what it runs. No package is allowed there.
# related_resources:
# - https://pkg.go.dev/cmd/go#hdr-Compile_and_run_Go_program
# custom:
#   rule: go-run-production
#   severity: critical
found contains {
	"id": "go-run-production",
	"severity": "critical",
	"action": "kill",
	"msg": sprintf("go run %s was executed in production", [run_package]),
	"remediation": "Build in the job with go build, put the program alone into the image, and start it there.",
} if {
	is_go_run
	in_production
}
