package tracego.process_test

test_go_run_in_a_container_is_refused if {
	decision := decision_on(in_container(go_run))
	not decision.allow
	decision.severity == "critical"
	decision.action == "kill"
	ids(in_container(go_run)) == {"go-run-production"}
}

test_go_run_in_a_service_is_refused if {
	outside := object.remove(in_container(go_run), ["container"])
	ids(outside) == set()
	ids(object.union(outside, {"tracego": {"unit": "shop.service"}})) == {"go-run-production"}
	ids(object.union(outside, {"tracego": {"unit": "gitlab-runner.service"}})) == set()
	ids(object.union(outside, {
		"process": {"linux": {"cgroup": "/user.slice/user-1000.slice/session-1.scope"}},
		"tracego": {"unit": "shop.service"},
	})) == set()
}

test_go_run_where_a_variable_says_production_is_refused if {
	outside := object.remove(in_container(go_run), ["container"])
	ids(object.union(outside, {"process": {"environment_variable": {"APP_ENV": "production"}}})) == {"go-run-production"}
	ids(object.union(outside, {"process": {"environment_variable": {"APP_ENV": "staging"}}})) == set()
}

test_somebody_at_a_terminal_in_a_container_may_run if {
	ids(object.union(in_container(go_run), {"process": {"interactive": true}})) == set()
}

test_the_build_id_of_an_image_makes_no_job if {
	sources := [{"attribute": "cicd.pipeline.run.id", "source": "environment", "variable": "BUILD_ID"}]
	ids(object.union(in_container(go_run), {"tracego": {"job": {"sources": sources}}})) == {"go-run-production"}
}

test_a_job_in_a_container_or_service_is_no_production if {
	ids(object.union(go_run, {"container": {"id": "0a1b2c3d4e5f"}})) == set()
	ids(object.union(go_run, {"tracego": {"unit": "shop.service"}})) == set()
	ids(with_env(go_run, {"APP_ENV": "production"})) == set()
}

test_a_claim_of_the_process_alone_takes_no_rule_for_production_off_it if {
	claimed := object.union(go_run, {"container": {"id": "0a1b2c3d4e5f"}, "tracego": {"job": {"opened_by": "self"}}})
	ids(claimed) == {"go-run-production"}
}

test_a_service_at_a_terminal_is_no_production if {
	ids(object.union(outside(go_run), {"tracego": {"unit": "shop.service"}, "process": {"interactive": true}})) == set()
}
