package tracego.process

# METADATA
# title: A program of another commit than its job
# description: The commit that the program was built from (vcs.revision) is not the one that the job claims.
# related_resources:
# - https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies
# custom:
#   rule: commit-mismatch
#   severity: high
found contains {
	"id": "commit-mismatch",
	"severity": "high",
	"action": "none",
	"msg": sprintf("%s was built from commit %s, and the job claims %s", [executable, built, claimed]),
	"remediation": "Build in a clean checkout of the job's commit, with -buildvcs=auto, and start what was built.",
} if {
	place
	built := input.tracego.go.build.vcs.revision
	claimed := input.vcs.ref.head.revision
	is_own_program
	not is_same_commit(built, claimed)
	not is_change
}

# In a run for a pull request, the checkout may be at the head, at a merge that a variable names, or at one that
# no variable names.
is_change if input.tracego.job.change == true

# A claim that is no commit at all is another matter. An abbreviated one names the commits that begin so.
is_same_commit(_, claimed) if not regex.match(`^[0-9a-fA-F]{7,64}$`, claimed)

is_same_commit(built, claimed) if startswith(lower(built), lower(claimed))

is_same_commit(built, claimed) if {
	count(built) >= 7
	startswith(lower(claimed), lower(built))
}

# METADATA
# title: A program built in a checkout that was not clean
# description: The checkout had changed files, or files that are in no commit, when it was built (vcs.modified).
# custom:
#   rule: dirty-build
#   severity: high
found contains {
	"id": "dirty-build",
	"severity": dirty_severity,
	"action": "none",
	"msg": sprintf("%s was built in a checkout that was not clean (vcs.modified)", [executable]),
	"remediation": "Build before anything changes files of the checkout, or list what does in .gitignore.",
} if {
	place
	input.tracego.go.build.vcs.modified == true
	is_own_program
}

default dirty_severity := "medium"

dirty_severity := "high" if in_production
