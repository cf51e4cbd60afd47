package tracego.process_test

test_a_go_command_without_a_job_is_found if {
	bare := object.remove(go_build, ["cicd", "vcs"])
	ids(bare) == {"job-context-missing"}
	violations := violations_of(bare)
	some violation in violations
	contains(violation.msg, "no cicd.pipeline.run.id, cicd.pipeline.task.run.id, vcs.ref.head.revision")
}

test_a_go_command_without_a_commit_is_found if {
	ids(object.remove(go_build, ["vcs"])) == {"job-context-missing"}
}

test_what_is_asked_for_can_be_changed if {
	less := ids(object.remove(go_build, ["vcs"])) with data.tracego.settings.required_job_attributes as ["cicd.pipeline.run.id"]
	less == set()
}

test_a_process_that_lost_its_context_is_found if {
	ids(dropped) == {"job-context-dropped"}
	severity_of(dropped) == "low"
}

test_a_process_that_claims_another_commit_is_refused if {
	ids(changed) == {"job-context-changed"}
	not allows(changed)
	violations := violations_of(changed)
	some violation in violations
	contains(violation.msg, "claims vcs.ref.head.revision forged")
}

test_nothing_dropped_is_nothing_found if ids(object.union(go_build, {"tracego": {"job": {"dropped": []}}})) == set()
