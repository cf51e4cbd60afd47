package tracego.process_test

test_what_an_allowed_go_run_made_may_run_in_a_job if ids(run_child) == set()

test_what_go_run_made_is_refused_in_a_job if {
	child := object.union(run_child, {"tracego": {"go": {"command": {"package": "./tools/gen"}}}})
	ids(child) == {"run-artifact"}
	not allows(child)
	action_of(child) == "kill"
}

test_what_an_allowed_go_run_made_is_refused_in_production if {
	ids(in_container(run_child)) == {"run-artifact"}
}

test_a_program_from_the_build_cache_is_found_without_its_go_run if {
	orphan := object.union(run_child, {"tracego": {"go": {"role": "go-service", "command": {"package": ""}}}})
	ids(orphan) == {"run-artifact-unknown"}
	allows(orphan)
}

test_a_program_from_the_temporary_folder_of_go_run_is_found if {
	orphan := object.union(service, {"process": {"executable": {"path": "/tmp/go-build3401/b001/exe/main"}}})
	ids(orphan) == {"run-artifact-unknown"}
}

test_tests_and_tools_are_built_there_too if {
	place := {"process": {"executable": {"path": "/tmp/go-build3401/b001/exe/main"}}}
	ids(object.union(object.union(service, place), {"tracego": {"go": {"role": "go-test-binary"}}})) == set()
	ids(object.union(object.union(service, place), {"tracego": {"go": {"role": "go-tool"}}})) == set()
	ids(object.union(service, {"process": {"executable": {"path": "/tmp/go-build3401/b001/app.test"}}})) == set()
}

test_a_folder_with_a_like_name_is_no_build_folder if {
	ids(object.union(service, {"process": {"executable": {"path": "/srv/go-builder/exe/main"}}})) == set()
}

test_a_child_of_an_unknown_go_run_is_found if {
	child := object.union(run_child, {"tracego": {"go": {"command": {"package": ""}}}})
	ids(child) == {"run-artifact-unknown"}
	ids(with_path(service, "/tmp/go-build3401/b001/exe/app.test")) == set()
}

test_what_go_generate_runs_may_run if {
	child := object.union(run_child, {"tracego": {"go": {"command": {"package": "./tools/gen"}}}})
	ids(with_variant(child, "generate")) == set()
}
