package tracego.process_test

exception := {
	"rule": "go-run-file",
	"owner": "build@example.com",
	"reason": "moves to a package with ticket 17",
	"expires": "2026-12-31",
}

refused := run("main.go", "files")

under(list, record) := found if {
	found := ids(record) with data.tracego.settings.exceptions as list
}

used_by(record) := used if {
	used := data.tracego.process.used_exceptions with input as record
}

ignored_by(record) := ignored if {
	ignored := data.tracego.process.ignored_exceptions with input as record
}

test_an_exception_counts if under([exception], refused) == set()

test_it_counts_until_the_end_of_its_day if {
	last := object.union(refused, {"date": "2026-12-31"})
	after := object.union(refused, {"date": "2027-01-01"})
	under([exception], last) == set()
	under([exception], after) == {"go-run-file"}
}

test_an_exception_of_another_rule_does_not_count if {
	under([object.union(exception, {"rule": "go-run-package"})], refused) == {"go-run-file"}
	under([object.union(exception, {"rule": "*"})], refused) == set()
}

test_an_exception_without_owner_reason_or_day_does_not_count if {
	every part in ["owner", "reason", "expires"] {
		under([object.remove(exception, [part])], refused) == {"go-run-file"}
		under([object.union(exception, {part: " "})], refused) == {"go-run-file"}
	}
	every expires in ["never", "9999", "2026-13-01", "31.12.2026", "2026-12-31 or later"] {
		under([object.union(exception, {"expires": expires})], refused) == {"go-run-file"}
	}
	under([object.union(exception, {"expires": "2026-12-31T00:00:00Z"})], refused) == set()
}

test_a_record_without_a_day_has_no_exceptions if {
	under([exception], object.remove(refused, ["date"])) == {"go-run-file"}
}

test_an_exception_is_for_what_it_names if {
	under([object.union(exception, {"executable": "/opt/go/bin/go"})], refused) == set()
	under([object.union(exception, {"executable": "/opt/go/"})], refused) == set()
	under([object.union(exception, {"executable": "/opt/g"})], refused) == {"go-run-file"}
	under([object.union(exception, {"pipeline": "ci"})], refused) == set()
	under([object.union(exception, {"pipeline": "release"})], refused) == {"go-run-file"}
	under([object.union(exception, {"repository": "https://github.com/example/project"})], refused) == set()
	under([object.union(exception, {"repository": "https://github.com/example/other"})], refused) == {"go-run-file"}
	under([object.union(exception, {"pipeline": "ci", "executable": "/usr/bin/"})], refused) == {"go-run-file"}
}

test_used_exceptions_say_who_and_until_when if {
	used := used_by(refused) with data.tracego.settings.exceptions as [exception]
	used == {exception}
}

test_exceptions_that_do_not_count_are_named if {
	late := object.union(refused, {"date": "2027-01-01"})
	incomplete := object.remove(exception, ["owner"])
	ignored := ignored_by(late) with data.tracego.settings.exceptions as [exception, incomplete]
	{entry.why | some entry in ignored} == {"expired", "incomplete: owner, reason and expires (2027-01-31)"}
}

test_what_is_not_used_is_not_told if {
	fork := object.union(refused, {"event_name": "tracego.process.fork"})
	for_fork := used_by(fork) with data.tracego.settings.exceptions as [exception]
	for_fork == set()
	for_another := used_by(run("./tools/gen", "local")) with data.tracego.settings.exceptions as [exception]
	for_another == set()
	counting := ignored_by(refused) with data.tracego.settings.exceptions as [exception]
	counting == set()
}
