package tracego.process

# METADATA
# title: A job that does not say which it is
# description: A Go program or go command of a CI job without an attribute of `required_job_attributes`.
# custom:
#   rule: job-context-missing
#   severity: medium
found contains {
	"id": "job-context-missing",
	"severity": "medium",
	"action": "none",
	"msg": sprintf("nothing says to which job %s belongs: no %s", [executable, concat(", ", missing)]),
	"remediation": "Hand on the variables of the CI system, or start tracego with --env GIT_COMMIT=… and --env CI_JOB_ID=….",
} if {
	in_job
	role in {"go-command", "go-run", "go-run-child", "go-test", "go-build", "go-generate", "go-service"}
	missing := [attribute |
		some attribute in settings.required_job_attributes
		object.get({"cicd": cicd, "vcs": vcs}, split(attribute, "."), "") == ""
	]
	count(missing) > 0
}

default cicd := {}

cicd := input.cicd

default vcs := {}

vcs := input.vcs

# METADATA
# title: A process that lost the context of its job
# description: It no longer has the variables that say which job it belongs to; tracego knows it all the same.
# custom:
#   rule: job-context-dropped
#   severity: low
found contains {
	"id": "job-context-dropped",
	"severity": "low",
	"action": "none",
	"msg": sprintf("%s no longer has what its job was told: %s", [executable, concat(", ", dropped)]),
	"remediation": "Hand the variables on: sudo --preserve-env=…, docker run --env …, no env -i.",
} if {
	dropped := input.tracego.job.dropped
	count(dropped) > 0
}

# METADATA
# title: A process that claims another job
# description: It sets a variable of the CI system anew, so that commit or job are not those of its job.
# custom:
#   rule: job-context-changed
#   severity: high
found contains {
	"id": "job-context-changed",
	"severity": "high",
	"action": "none",
	"msg": sprintf("%s claims %s %s where its job has %s", [executable, change.attribute, change.claimed, change.expected]),
	"remediation": "Do not set the variables of the CI system anew; use names of your own.",
} if {
	some change in input.tracego.job.changed
}
