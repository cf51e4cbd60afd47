package tracego.process_test

built(vcs) := object.union(service, {"tracego": {"go": {"build": {"vcs": vcs}}}})

same := "0123456789abcdef0123456789abcdef01234567"

other := "fedcba9876543210fedcba9876543210fedcba98"

test_a_program_of_the_commit_of_the_job_is_allowed if {
	ids(built({"revision": same, "modified": false})) == set()
}

test_a_program_of_another_commit_is_refused if {
	decision := decision_on(built({"revision": other}))
	not decision.allow
	some violation in decision.violations
	violation.id == "commit-mismatch"
	contains(violation.msg, other)
	contains(violation.msg, same)
}

test_an_abbreviated_commit_is_the_same if {
	short := object.union(built({"revision": same}), {"vcs": {"ref": {"head": {"revision": "0123456789ABC"}}}})
	ids(short) == set()
	ids(object.union(short, {"vcs": {"ref": {"head": {"revision": "0123457"}}}})) == {"commit-mismatch"}
}

test_a_claim_that_is_no_commit_is_not_compared if {
	ids(object.union(built({"revision": same}), {"vcs": {"ref": {"head": {"revision": "release-1"}}}})) == set()
}

test_a_pull_request_has_more_than_one_commit if {
	ids(object.union(built({"revision": other}), {"tracego": {"job": {"change": true}}})) == set()
}

test_tools_of_others_have_their_own_commits if {
	tool := object.union(built({"revision": other, "modified": true}), {"process": {"executable": {"path": "/usr/local/bin/lint"}}})
	ids(tool) == set()
	installed := object.union(built({"revision": other}), {"tracego": {"go": {"build": {"module": {"sum": "h1:abc"}}}}})
	ids(installed) == set()
}

test_own_modules_can_be_listed if {
	tool := object.union(built({"revision": other}), {"process": {"executable": {"path": "/usr/local/bin/server"}}})
	listed := ids(tool) with data.tracego.settings.own_modules as ["example.com/"]
	listed == {"commit-mismatch"}
}

test_a_module_of_the_repository_is_own if {
	tool := object.union(built({"revision": other}), {
		"process": {"executable": {"path": "/usr/local/bin/server"}},
		"vcs": {"repository": {"url": {"full": "https://example.com/project.git"}}},
	})
	ids(tool) == {"commit-mismatch"}
	ids(object.union(tool, {"tracego": {"go": {"build": {"module": {"path": "example.com/project2"}}}}})) == set()
}

test_a_dirty_build_is_found_in_a_job_and_refused_in_production if {
	dirty := built({"revision": same, "modified": true})
	ids(dirty) == {"dirty-build"}
	allows(dirty)
	severity_of(dirty) == "medium"
	not allows(in_container(dirty))
	ids(in_container(dirty)) == {"dirty-build"}
}

test_six_digits_name_no_commit if {
	ids(built({"revision": "012345"})) == {"commit-mismatch"}
}

test_a_tool_of_the_toolchain_is_not_own if {
	tool := with_role(built({"revision": other}), "compiler-helper")
	ids(tool) == set()
	listed := ids(tool) with data.tracego.settings.own_modules as ["example.com/"]
	listed == set()
	elsewhere := ids(with_path(built({"revision": other}), "/opt/server")) with data.tracego.settings.own_modules as ["example.org/"]
	elsewhere == set()
	repository := {"vcs": {"repository": {"url": {"full": "https://example.com/project"}}}}
	ids(object.union(with_path(tool, "/opt/server"), repository)) == set()
}
