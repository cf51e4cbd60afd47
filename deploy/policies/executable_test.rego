package tracego.process_test

test_an_executable_that_everybody_can_write_is_refused if {
	every mode in ["100757", "100777", "100776", "100753"] {
		ids(object.union(service, {"tracego": {"executable": {"mode": mode}}})) == {"writable-executable"}
	}
	every mode in ["100755", "104755", "100775", "100711", ""] {
		ids(object.union(service, {"tracego": {"executable": {"mode": mode}}})) == set()
	}
}

test_production_runs_nothing_from_tmp if {
	tmp := object.union(service, {"process": {"executable": {"path": "/tmp/app"}}})
	ids(tmp) == set()
	ids(in_container(tmp)) == {"writable-place"}
	ids(in_container(object.union(service, {"process": {"executable": {"path": "/tmpfs/app"}}}))) == set()
}

test_an_executable_without_a_file_is_refused if {
	ids(object.union(service, {"tracego": {"executable": {"deleted": true}}})) == {"deleted-executable"}
	memory := object.union(service, {"tracego": {"executable": {"memfd": true, "mode": "100777"}}})
	ids(memory) == {"deleted-executable"}
	not allows(memory)
}

test_go_itself_runs_tests_from_tmp if {
	ids(in_container(with_role(with_path(service, "/tmp/x/app.test"), "go-test-binary"))) == set()
}
