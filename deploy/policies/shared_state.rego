package tracego.process

# METADATA
# title: Two jobs with one build cache or temporary folder
# description: Whoever can write there decides what the other job links.
# related_resources:
# - https://pkg.go.dev/cmd/go#hdr-Build_and_test_caching
# custom:
#   rule: shared-build-state
#   severity: medium
found contains {
	"id": "shared-build-state",
	"severity": "medium",
	"action": "none",
	"msg": finding.message,
	"remediation": finding.remedy,
} if {
	some finding in findings
	finding.id == "TG005"
}

# METADATA
# title: A build cache where everybody can write
# description: The go command links what it finds in GOCACHE. Seen where tracego shows the variable (--env GOCACHE).
# custom:
#   rule: shared-build-cache
#   severity: medium
found contains {
	"id": "shared-build-cache",
	"severity": "medium",
	"action": "none",
	"msg": sprintf("go %s links from GOCACHE=%s, below a folder that every user can write", [subcommand, env.GOCACHE]),
	"remediation": "Give each job, or each project that trusts itself, a GOCACHE of its own outside of /tmp.",
} if {
	in_job
	takes_modules
	some folder in settings.writable_places
	startswith(sprintf("%s/", [env.GOCACHE]), folder)
}
