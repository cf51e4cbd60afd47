package tracego.process_test

test_go_run_at_latest_is_refused if {
	ids(run("example.com/tool@latest", "unpinned")) == {"unpinned-module"}
	not allows(run("example.com/tool@latest", "unpinned"))
}

test_go_install_at_latest_is_refused if {
	ids(go_with(["go", "install", "example.com/tool@latest"])) == {"unpinned-module"}
	ids(go_with(["go", "install", "example.com/tool@v1.2.3"])) == set()
	ids(go_with(["go", "get", "example.com/a@v1.0.0", "example.com/b@main"])) == {"unpinned-module"}
}

test_arguments_of_the_program_are_not_those_of_go if {
	ids(object.union(go_run, {"process": {"command_args": ["go", "run", "./cmd/server", "x@latest", "-mod=mod"]}})) == set()
	ids(go_with(["go", "test", "./...", "-args", "-mod=mod"])) == set()
}

test_mod_mod_is_found if {
	ids(go_with(["go", "build", "-mod=mod", "./..."])) == {"mod-mod"}
	ids(go_with(["go", "build", "--mod=mod", "./..."])) == {"mod-mod"}
	ids(go_with(["go", "mod", "tidy", "-mod=mod"])) == set()
	allows(go_with(["go", "build", "-mod=mod", "./..."]))
}

test_mod_mod_of_goflags_is_found_unless_the_command_line_wins if {
	flags := {"process": {"environment_variable": {"GOFLAGS": "-v -mod=mod"}}}
	ids(object.union(go_build, flags)) == {"mod-mod"}
	ids(object.union(go_with(["go", "build", "-mod=readonly", "."]), flags)) == set()
	ids(object.union(go_with(["go", "build", "-mod", "vendor", "."]), flags)) == set()
	ids(object.union(go_with(["go", "build", "-modfile=other.mod", "."]), flags)) == {"mod-mod"}
}

test_what_turns_checks_off_is_refused if {
	off := [
		{"GOSUMDB": "off"},
		{"GOFLAGS": "-insecure"},
		{"GONOSUMCHECK": "1"},
		{"GOINSECURE": "*.example.com"},
		{"GONOSUMDB": "*"},
	]
	every variable in off {
		ids(object.union(go_build, {"process": {"environment_variable": variable}})) == {"unverified-modules"}
	}
}

test_usual_values_are_no_violation if {
	usual := [
		{"GOSUMDB": "sum.golang.org"},
		{"GOFLAGS": "-trimpath"},
		{"GOINSECURE": ""},
		{"GOPROXY": "https://proxy.golang.org,direct"},
		{"GOPROXY": "off"},
	]
	every variable in usual {
		ids(object.union(go_build, {"process": {"environment_variable": variable}})) == set()
	}
}

test_private_modules_can_be_listed if {
	build := object.union(go_build, {"process": {"environment_variable": {"GONOSUMDB": "example.com/team/*"}}})
	ids(build) == {"unverified-modules"}
	listed := ids(build) with data.tracego.settings.private_modules as ["example.com/team/*"]
	listed == set()
}

test_a_proxy_that_is_direct_is_found if {
	ids(object.union(go_build, {"process": {"environment_variable": {"GOPROXY": "direct"}}})) == {"proxy-direct"}
	ids(object.union(go_build, {"process": {"environment_variable": {"GOPROXY": "direct|https://p.example"}}})) == {"proxy-direct"}
}

test_commands_that_take_no_modules_are_not_asked if {
	off := {"process": {"environment_variable": {"GOSUMDB": "off"}}}
	ids(object.union(go_with(["go", "version"]), off)) == set()
	ids(object.union(go_with(["go", "mod", "init"]), off)) == set()
	ids(object.union(go_with(["go", "mod", "download"]), off)) == {"unverified-modules"}
}

test_flags_of_go_run_stand_before_the_package if {
	ids(object.union(go_run, {"process": {"command_args": ["go", "run", "-mod=mod", "./cmd/server"]}})) == {"mod-mod"}
}

test_a_package_of_go_build_ends_nothing if {
	build := object.union(go_with(["go", "build", "./cmd/server", "-mod=mod"]), {"tracego": {"go": {"command": {"package": "./cmd/server"}}}})
	ids(build) == {"mod-mod"}
}

test_questions_that_change_nothing_are_allowed if {
	ids(go_with(["go", "list", "-m", "example.com/tool@latest"])) == set()
	ids(with_env(go_with(["go", "env", "download"]), {"GOSUMDB": "off"})) == set()
	ids(with_env(go_with(["go", "version"]), {"GOPROXY": "direct"})) == set()
}
