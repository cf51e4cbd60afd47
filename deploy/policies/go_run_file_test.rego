package tracego.process_test

test_go_run_of_a_file_is_refused_in_a_job if {
	decision := decision_on(run("main.go", "files"))
	not decision.allow
	decision.action == "kill"
	decision.severity == "high"
	some violation in decision.violations
	violation.id == "go-run-file"
	contains(violation.msg, "go run main.go")
	contains(violation.remediation, "go build")
}

test_go_run_of_a_listed_package_is_allowed if {
	decision := decision_on(go_run)
	decision.allow
	decision.action == "none"
	count(decision.violations) == 0
}

test_go_run_of_another_package_is_found_and_allowed if {
	decision := decision_on(run("./tools/gen", "local"))
	decision.allow
	decision.severity == "medium"
	ids(run("./tools/gen", "local")) == {"go-run-package"}
}

test_go_run_of_a_path_that_leaves_the_listed_folder_is_found if {
	ids(run("./cmd/../tools/gen", "local")) == {"go-run-package"}
	ids(run("./cmd", "local")) == {"go-run-package"}
	ids(run("./cmdline/x", "local")) == {"go-run-package"}
}

test_a_pinned_tool_can_be_listed if {
	tool := run("example.com/tool@v1.2.3", "pinned")
	ids(tool) == {"go-run-package"}
	allowed := ids(tool) with data.tracego.settings.allowed_packages as ["example.com/tool@v1.2.3"]
	allowed == set()
}

test_a_file_can_be_listed if {
	allowed := ids(run("gen.go", "files")) with data.tracego.settings.allowed_packages as ["gen.go"]
	allowed == set()
}

test_a_line_of_go_generate_may_run_files if {
	finding := {"id": "TG001", "variant": "generate", "severity": "low", "message": "m", "remedy": "r"}
	ids(object.union(run("gen.go", "files"), {"tracego": {"findings": [finding]}})) == set()
}

test_the_command_line_decides_where_nothing_was_read_of_the_executable if {
	bare := {"process": {"command_args": ["/usr/local/go/bin/go", "run", "main.go"], "environment_variable": {"CI": "true"}}, "tracego": {"job": {"opened_by": "self"}}}
	ids(bare) == {"go-run-file"}
	ids(object.union(bare, {"process": {"command_args": ["go", "run", "./cmd/server"]}})) == set()
	ids(object.union(bare, {"process": {"command_args": ["cargo", "run", "main.go"]}})) == set()
	ids(object.union(bare, {"process": {"command_args": ["go", "run"]}})) == set()
	ids(object.union(bare, {"process": {"command_args": []}})) == set()
	ids(object.union(bare, {"process": {"executable": "/usr/local/go/bin/go"}})) == {"go-run-file"}
}

test_a_developer_may_run_files if {
	here := object.union(object.remove(run("main.go", "files"), ["cicd", "vcs"]), {
		"process": {"environment_variable": {"CI": ""}, "interactive": true},
		"tracego": {"job": {"opened_by": "", "sources": []}},
	})
	ids(here) == set()
}

test_a_fork_is_not_decided if {
	ids(object.union(run("main.go", "files"), {"event_name": "tracego.process.fork"})) == set()
}

test_a_line_of_go_generate_may_run_packages if {
	ids(with_variant(run("./tools/gen", "local"), "generate")) == set()
	ids(with_variant(run("./tools/gen", "local"), "local")) == {"go-run-package"}
}

test_what_is_not_go_run_is_not_taken_for_it if {
	ids(with_role(run("main.go", "files"), "go-build")) == set()
	ids(object.union(service, {"process": {"command_args": ["./go", "run", "main.go"]}})) == set()
	ids(with_env(object.union(service, {"process": {"command_args": ["go", "build"]}}), {"GOSUMDB": "off"})) == set()
	ids({"process": {"command_args": ["go", "build", "main.go"], "environment_variable": {"CI": "true"}}, "tracego": {"job": {"opened_by": "self"}}}) == set()
}

test_the_record_knows_better_than_the_command_line if {
	ids(object.union(go_run, {"process": {"command_args": ["go", "run", "main.go"]}})) == set()
}

test_a_pattern_without_dots_is_that_package_alone if {
	found := ids(go_run) with data.tracego.settings.allowed_packages as ["./cmd/", "./cmd"]
	found == {"go-run-package"}
}
