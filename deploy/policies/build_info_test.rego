package tracego.process_test

test_a_go_program_without_build_info_is_refused if {
	cut := {
		"event_name": service.event_name,
		"process": service.process,
		"cicd": service.cicd,
		"vcs": service.vcs,
		"tracego": object.remove(service.tracego, ["go"]),
	}
	ids(cut) == {"no-build-info"}
	not allows(cut)
}

test_a_packed_program_is_refused if {
	ids(object.union(service, {"tracego": {"elf": {"packer": "upx"}}})) == {"no-build-info"}
}

test_a_program_of_another_language_needs_no_build_info if {
	ids(dropped) == {"job-context-dropped"}
}

test_a_stripped_program_is_good_to_know_in_production if {
	stripped := object.union(service, {"tracego": {"elf": {"stripped": true}}})
	ids(stripped) == set()
	ids(in_container(stripped)) == {"stripped-program"}
	allows(in_container(stripped))
}

test_a_stripped_program_of_another_language_is_usual if {
	stripped := object.union(service, {"process": {"runtime": {"name": "rust"}}, "tracego": {"elf": {"stripped": true}}})
	ids(in_container(stripped)) == set()
}
