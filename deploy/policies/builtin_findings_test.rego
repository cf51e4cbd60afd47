package tracego.process_test

finding_of(id, severity) := {
	"id": id,
	"name": "resource-limits",
	"severity": severity,
	"confidence": "high",
	"message": "the limit of open files is 64",
	"remedy": "Set LimitNOFILE in the unit.",
}

with_findings(list) := object.union(service, {"tracego": {"findings": list}})

test_a_bad_finding_is_a_violation if {
	record := with_findings([finding_of("TG007", "high")])
	ids(record) == {"TG007"}
	not allows(record)
	violations := violations_of(record)
	some violation in violations
	violation.msg == "the limit of open files is 64"
	violation.remediation == "Set LimitNOFILE in the unit."
}

test_findings_that_are_less_bad_are_none if {
	ids(with_findings([finding_of("TG007", "medium"), finding_of("TG018", "low")])) == set()
}

test_the_severity_can_be_changed if {
	found := ids(with_findings([finding_of("TG007", "medium")])) with data.tracego.settings.findings.minimum_severity as "medium"
	found == {"TG007"}
}

test_what_is_decided_here_is_not_said_twice if {
	ids(with_findings([finding_of("TG001", "high"), finding_of("TG003", "high")])) == set()
}
