package tracego.process_test

test_a_clean_start_has_a_whole_decision if {
	decision_on(go_build) == {"allow": true, "action": "none", "violations": set()}
}

test_anything_may_be_missing if {
	allows({})
	allows({"process": {}})
	allows({"process": {"command_args": ["true"]}, "tracego": {}})
}

test_the_worst_severity_and_the_strictest_action_win if {
	record := object.union(run("main.go", "files"), {"tracego": {"executable": {"mode": "100777"}, "job": {"dropped": ["x"]}}})
	decision := decision_on(record)
	ids(record) == {"go-run-file", "writable-executable", "job-context-dropped"}
	decision.severity == "high"
	decision.action == "kill"
	strict := decision_on(record) with data.tracego.settings.actions as {"writable-executable": "kill-job"}
	strict.action == "kill-job"
}

decision_with_kill(record) := decision if {
	decision := decision_on(record) with data.tracego.settings.actions as {"go-run-package": "kill"}
}

test_only_what_denies_acts if {
	record := run("./tools/gen", "local")
	decision := decision_on(record) with data.tracego.settings.actions as {"go-run-package": "kill"}
	decision.allow
	decision.action == "none"
	strict := decision_with_kill(record) with data.tracego.settings.deny_from as "medium"
	not strict.allow
	strict.action == "kill"
}

test_a_rule_can_be_switched_off if {
	found := ids(run("main.go", "files")) with data.tracego.settings.off as ["go-run-file"]
	found == set()
}

test_paths_can_be_exempt if {
	record := object.union(service, {"tracego": {"executable": {"mode": "100777"}}})
	folder := ids(record) with data.tracego.settings.exempt_paths as ["/srv/ci/project/"]
	folder == set()
	file := ids(record) with data.tracego.settings.exempt_paths as ["/srv/ci/project/app"]
	file == set()
	prefix := ids(record) with data.tracego.settings.exempt_paths as ["/srv/ci/proj"]
	prefix == {"writable-executable"}
}

test_every_violation_is_whole if {
	records := [run("main.go", "files"), run("x@latest", "unpinned"), in_container(go_run), in_container(run_child), changed, dropped]
	every record in records {
		violations := violations_of(record)
		count(violations) > 0
		every violation in violations {
			object.keys(violation) == {"id", "msg", "severity", "remediation", "action"}
			count(violation.msg) > 20
			count(violation.remediation) > 20
		}
	}
}

test_who_builds_outside_of_jobs_and_production_is_left_alone if {
	records := [
		run("./tools/gen", "local"),
		run("main.go", "files"),
		run("example.com/tool@latest", "unpinned"),
		run_child,
		with_path(service, "/tmp/go-build3401/b001/exe/main"),
		go_with(["go", "build", "-mod=mod", "."]),
		with_env(go_build, {"GOSUMDB": "off"}),
		with_env(go_build, {"GOPROXY": "direct"}),
		with_env(go_build, {"GOCACHE": "/tmp/cache"}),
		built({"revision": other, "modified": true}),
		object.union(service, {"tracego": {"elf": {"packer": "upx"}}}),
	]
	every record in records {
		ids(outside(record)) == set()
	}
	ids(object.union(outside(built({"revision": other})), {"vcs": service.vcs})) == set()
}

test_a_commit_alone_makes_no_job if {
	sources := [{"attribute": "vcs.ref.head.revision", "source": "explicit", "variable": "GIT_COMMIT"}]
	record := outside(run("main.go", "files"))
	ids(object.union(record, {"tracego": {"job": {"sources": sources}}})) == set()
	ids(object.union(record, {"tracego": {"job": {"opened_by": "explicit", "sources": [{
		"attribute": "cicd.pipeline.task.run.id",
		"source": "explicit",
		"variable": "CI_JOB_ID",
	}]}}})) == {"go-run-file", "job-context-missing"}
}
