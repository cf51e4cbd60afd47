# Exceptions: data.tracego.settings.exceptions holds objects with
#   rule        the id of a violation, or "*"
#   owner       who asked for it
#   reason      why
#   expires     the last day that it counts, as 2027-01-31
#   executable, pipeline, repository   what it is for; what is not given is not asked
# One without owner, reason or a date does not count.
package tracego.process

# The day of the record, not of the clock: the same record always has the same decision.
today := input.date

is_excepted(id) if {
	some exception in settings.exceptions
	excepts(exception, id)
}

excepts(exception, id) if {
	exception.rule in {id, "*"}
	is_complete(exception)
	substring(exception.expires, 0, 10) >= today
	is_for_executable(exception)
	is_for_pipeline(exception)
	is_for_repository(exception)
}

is_complete(exception) if {
	trim_space(exception.owner) != ""
	trim_space(exception.reason) != ""
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T[0-9:.]+Z)?$`, exception.expires)
}

is_for_executable(exception) if not exception.executable

is_for_executable(exception) if is_at(executable, exception.executable)

is_for_pipeline(exception) if not exception.pipeline

is_for_pipeline(exception) if exception.pipeline == input.cicd.pipeline.name

is_for_repository(exception) if not exception.repository

is_for_repository(exception) if exception.repository == input.vcs.repository.url.full

# METADATA
# title: Exceptions that this record used
# description: The ids that were found and excepted, with who answers for it and until when.
used_exceptions contains used if {
	is_start
	some rule in found
	some exception in settings.exceptions
	excepts(exception, rule.id)
	used := {
		"rule": rule.id,
		"owner": exception.owner,
		"reason": exception.reason,
		"expires": exception.expires,
	}
}

# METADATA
# title: Exceptions that do not count
# description: Those that are over on the day of the record, or that say not who, why and until when.
ignored_exceptions contains {"exception": exception, "why": "incomplete: owner, reason and expires (2027-01-31)"} if {
	some exception in settings.exceptions
	not is_complete(exception)
}

ignored_exceptions contains {"exception": exception, "why": "expired"} if {
	some exception in settings.exceptions
	is_complete(exception)
	substring(exception.expires, 0, 10) < today
}
