package tracego.process_test

test_two_jobs_with_one_cache_are_found if {
	finding := {
		"id": "TG005",
		"name": "shared-build-state",
		"variant": "cache",
		"severity": "medium",
		"confidence": "high",
		"message": "jobs 42 and 43 build with GOCACHE /srv/cache at the same time",
		"remedy": "Set GOCACHE to a folder of the job, filled from a copy where speed matters.",
	}
	record := object.union(go_build, {"tracego": {"findings": [finding]}})
	ids(record) == {"shared-build-state"}
	violations := violations_of(record)
	some violation in violations
	violation.msg == finding.message
}

test_a_cache_below_tmp_is_found if {
	ids(object.union(go_build, {"process": {"environment_variable": {"GOCACHE": "/tmp/cache"}}})) == {"shared-build-cache"}
	ids(object.union(go_build, {"process": {"environment_variable": {"GOCACHE": "/tmp"}}})) == {"shared-build-cache"}
	ids(object.union(go_build, {"process": {"environment_variable": {"GOCACHE": "/tmpfs/cache"}}})) == set()
}

test_a_cache_of_the_job_is_allowed if ids(go_build) == set()

test_a_command_that_builds_nothing_uses_no_cache if {
	ids(with_env(go_with(["go", "version"]), {"GOCACHE": "/tmp/cache"})) == set()
}
