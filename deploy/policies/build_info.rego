package tracego.process

# METADATA
# title: A Go program that does not say what it is
# description: >-
#   It has a Go build id and no build info, or it was packed so that nobody can read one: modules, versions
#   and commit are unknown, and so is which advisories it needs.
# custom:
#   rule: no-build-info
#   severity: high
found contains {
	"id": "no-build-info",
	"severity": "high",
	"action": "none",
	"msg": sprintf("%s is a Go program that says neither modules nor commit: %s", [executable, why]),
	"remediation": "Build with go build in a module, and ship what it makes: no packer, nothing that cuts out .go.buildinfo.",
} if {
	place
	some why in hides_build_info
}

hides_build_info contains "it has a build id and no build info" if {
	input.process.executable.build_id.go
	not input.tracego.go.build
}

hides_build_info contains sprintf("it is packed with %s", [input.tracego.elf.packer]) if input.tracego.elf.packer

# METADATA
# title: A stripped Go program in production
# description: Without symbols a crash, a profile or a debugger says less. It is no danger, and good to know.
# custom:
#   rule: stripped-program
#   severity: low
found contains {
	"id": "stripped-program",
	"severity": "low",
	"action": "none",
	"msg": sprintf("%s is a Go program without symbols", [executable]),
	"remediation": "Leave out -ldflags=-s, or keep the file with symbols beside the one that is shipped.",
} if {
	in_production
	input.tracego.elf.stripped == true
	input.process.runtime.name == "go"
	role in {"", "go-service"}
}
