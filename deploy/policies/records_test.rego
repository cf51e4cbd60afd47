# Records of process starts as tracego writes them (`tracego run --output json -- make ci`), without the
# members that no rule looks at.
package tracego.process_test

go_run := {
	"event_name": "tracego.process.start",
	"timestamp": "2026-11-25T02:11:46.706555162Z",
	"date": "2026-11-25",
	"process": {
		"pid": 10552,
		"parent_pid": 10498,
		"command": "go",
		"command_args": ["go", "run", "./cmd/server"],
		"executable": {
			"path": "/opt/go/bin/go",
			"name": "go",
			"build_id": {
				"go": "onC7-K9r-5QhwN2iVP1K/65FENWRSBcYuysLjWldu/okbmSG_LVVeidUwBIpjB/2NhNjR3EsZsslYq1GyzD",
			},
		},
		"working_directory": "/srv/ci/project",
		"user": {"id": 0, "name": "root"},
		"interactive": false,
		"linux": {"cgroup": "/"},
		"environment_variable": {
			"CI": "true",
			"GITHUB_ACTIONS": "true",
			"GITHUB_JOB": "build",
			"GITHUB_RUN_ID": "42",
			"GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
			"GOCACHE": "/srv/ci/home/go-build",
			"HOME": "/srv/ci/home",
		},
		"runtime": {"name": "go", "version": "go1.27.3"},
	},
	"cicd": {
		"pipeline": {
			"name": "ci",
			"run": {"id": "42"},
			"task": {"name": "build", "run": {"id": "42/1/build"}},
		},
		"system": {"component": "github"},
	},
	"vcs": {
		"ref": {
			"head": {"name": "main", "revision": "0123456789abcdef0123456789abcdef01234567"},
		},
		"repository": {"url": {"full": "https://github.com/example/project"}},
	},
	"tracego": {
		"executable": {"mode": "100755", "owner_id": 0, "deleted": false, "memfd": false},
		"elf": {"linkage": "static", "pie": false, "stripped": false, "debug": false},
		"go": {
			"role": "go-run",
			"confidence": "high",
			"command": {
				"pid": 10552,
				"subcommand": "run",
				"package": "./cmd/server",
				"target": "local",
			},
			"build": {
				"path": "cmd/go",
				"dependencies": 0,
				"trimpath": true,
				"cgo": false,
				"race": false,
				"buildmode": "exe",
			},
		},
		"findings": [
			{
				"id": "TG001",
				"name": "go-run",
				"variant": "local",
				"severity": "high",
				"confidence": "high",
				"message": "go run ./cmd/server was executed in a CI job instead of a program that was built",
				"remedy": "Build once with go build, keep and ship the file, and start that.",
				"evidence": {
					"go.mod": "/srv/ci/project/go.mod",
					"package": "./cmd/server",
					"process.command_args": "go run ./cmd/server",
				},
			},
		],
		"job": {
			"opened_by": "ancestor",
			"sources": [
				{
					"attribute": "vcs.ref.head.revision",
					"source": "environment",
					"variable": "GITHUB_SHA",
				},
				{
					"attribute": "vcs.ref.head.name",
					"source": "environment",
					"variable": "GITHUB_REF_NAME",
				},
				{
					"attribute": "cicd.pipeline.name",
					"source": "environment",
					"variable": "GITHUB_WORKFLOW",
				},
				{
					"attribute": "cicd.pipeline.run.id",
					"source": "environment",
					"variable": "GITHUB_RUN_ID",
				},
			],
		},
	},
}

run_child := {
	"event_name": "tracego.process.start",
	"timestamp": "2026-11-25T02:11:46.783545802Z",
	"date": "2026-11-25",
	"process": {
		"pid": 10571,
		"parent_pid": 10552,
		"command": "server",
		"command_args": [
			"/srv/ci/home/go-build/3f/3fdbe0b11e14366fe46d52dbc7c72614461b3bb6cccbbf106be5cc102d7f436e-d/server",
		],
		"executable": {
			"path": "/srv/ci/home/go-build/3f/3fdbe0b11e14366fe46d52dbc7c72614461b3bb6cccbbf106be5cc102d7f436e-d/server",
			"name": "server",
			"build_id": {
				"go": "Sc6NvSaN4n3N7rfq5sIF/vCyRn4yGnsyb5N0_zgZe/Yp_Fx0i4OygEBRbbstEK/VwXiv0Lqcq0i_CxHYR-m",
			},
		},
		"working_directory": "/srv/ci/project",
		"user": {"id": 0, "name": "root"},
		"interactive": false,
		"linux": {"cgroup": "/"},
		"environment_variable": {
			"CI": "true",
			"GITHUB_ACTIONS": "true",
			"GITHUB_JOB": "build",
			"GITHUB_RUN_ID": "42",
			"GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
			"GOCACHE": "/srv/ci/home/go-build",
			"HOME": "/srv/ci/home",
		},
		"runtime": {"name": "go", "version": "go1.27.3"},
	},
	"cicd": {
		"pipeline": {
			"name": "ci",
			"run": {"id": "42"},
			"task": {"name": "build", "run": {"id": "42/1/build"}},
		},
		"system": {"component": "github"},
	},
	"vcs": {
		"ref": {
			"head": {"name": "main", "revision": "0123456789abcdef0123456789abcdef01234567"},
		},
		"repository": {"url": {"full": "https://github.com/example/project"}},
	},
	"tracego": {
		"executable": {"mode": "100755", "owner_id": 0, "deleted": false, "memfd": false},
		"elf": {"linkage": "static", "pie": false, "stripped": true, "debug": false},
		"go": {
			"role": "go-run-child",
			"confidence": "high",
			"command": {
				"pid": 10552,
				"subcommand": "run",
				"package": "./cmd/server",
				"target": "local",
			},
			"build": {
				"path": "example.com/project/cmd/server",
				"module": {"path": "example.com/project", "version": "(devel)"},
				"dependencies": 0,
				"trimpath": false,
				"cgo": false,
				"race": false,
				"buildmode": "exe",
			},
		},
		"findings": [
			{
				"id": "TG002",
				"name": "run-artifact",
				"variant": "local",
				"severity": "high",
				"confidence": "high",
				"message": "a program runs that go run ./cmd/server (process 10552) made; it has no artifact",
				"remedy": "Build once with go build, keep and ship the file, and start that.",
				"evidence": {
					"go_run.pid": "10552",
					"package": "./cmd/server",
					"process.executable.path": "/srv/ci/home/go-build/3f/3fdbe0b11e14366fe46d52dbc7c72614461b3bb6cccbbf106be5cc102d7f436e-d/server",
				},
			},
		],
		"job": {
			"opened_by": "ancestor",
			"sources": [
				{
					"attribute": "vcs.ref.head.revision",
					"source": "environment",
					"variable": "GITHUB_SHA",
				},
				{
					"attribute": "vcs.ref.head.name",
					"source": "environment",
					"variable": "GITHUB_REF_NAME",
				},
				{
					"attribute": "cicd.pipeline.name",
					"source": "environment",
					"variable": "GITHUB_WORKFLOW",
				},
				{
					"attribute": "cicd.pipeline.run.id",
					"source": "environment",
					"variable": "GITHUB_RUN_ID",
				},
			],
		},
	},
}

go_build := {
	"event_name": "tracego.process.start",
	"timestamp": "2026-11-25T02:11:46.634287515Z",
	"date": "2026-11-25",
	"process": {
		"pid": 10528,
		"parent_pid": 10498,
		"command": "go",
		"command_args": ["go", "build", "-o", "app", "./cmd/server"],
		"executable": {
			"path": "/opt/go/bin/go",
			"name": "go",
			"build_id": {
				"go": "onC7-K9r-5QhwN2iVP1K/65FENWRSBcYuysLjWldu/okbmSG_LVVeidUwBIpjB/2NhNjR3EsZsslYq1GyzD",
			},
		},
		"working_directory": "/srv/ci/project",
		"user": {"id": 0, "name": "root"},
		"interactive": false,
		"linux": {"cgroup": "/"},
		"environment_variable": {
			"CI": "true",
			"GITHUB_ACTIONS": "true",
			"GITHUB_JOB": "build",
			"GITHUB_RUN_ID": "42",
			"GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
			"GOCACHE": "/srv/ci/home/go-build",
			"HOME": "/srv/ci/home",
		},
		"runtime": {"name": "go", "version": "go1.27.3"},
	},
	"cicd": {
		"pipeline": {
			"name": "ci",
			"run": {"id": "42"},
			"task": {"name": "build", "run": {"id": "42/1/build"}},
		},
		"system": {"component": "github"},
	},
	"vcs": {
		"ref": {
			"head": {"name": "main", "revision": "0123456789abcdef0123456789abcdef01234567"},
		},
		"repository": {"url": {"full": "https://github.com/example/project"}},
	},
	"tracego": {
		"executable": {"mode": "100755", "owner_id": 0, "deleted": false, "memfd": false},
		"elf": {"linkage": "static", "pie": false, "stripped": false, "debug": false},
		"go": {
			"role": "go-build",
			"confidence": "high",
			"command": {"pid": 10528, "subcommand": "build"},
			"build": {
				"path": "cmd/go",
				"dependencies": 0,
				"trimpath": true,
				"cgo": false,
				"race": false,
				"buildmode": "exe",
			},
		},
		"job": {
			"opened_by": "ancestor",
			"sources": [
				{
					"attribute": "vcs.ref.head.revision",
					"source": "environment",
					"variable": "GITHUB_SHA",
				},
				{
					"attribute": "vcs.ref.head.name",
					"source": "environment",
					"variable": "GITHUB_REF_NAME",
				},
				{
					"attribute": "cicd.pipeline.name",
					"source": "environment",
					"variable": "GITHUB_WORKFLOW",
				},
				{
					"attribute": "cicd.pipeline.run.id",
					"source": "environment",
					"variable": "GITHUB_RUN_ID",
				},
			],
		},
	},
}

service := {
	"event_name": "tracego.process.start",
	"timestamp": "2026-11-25T02:11:46.703321078Z",
	"date": "2026-11-25",
	"process": {
		"pid": 10548,
		"parent_pid": 10498,
		"command": "app",
		"command_args": ["./app"],
		"executable": {
			"path": "/srv/ci/project/app",
			"name": "app",
			"build_id": {
				"go": "t7STScilQGNlWqkO86mg/VYmtitxV9_qBsX7vwexq/aud9mjv9l49Dd2Xk9j0C/j2Krrj7SxTHJT0A6Y7OP",
			},
		},
		"working_directory": "/srv/ci/project",
		"user": {"id": 0, "name": "root"},
		"interactive": false,
		"linux": {"cgroup": "/"},
		"environment_variable": {
			"CI": "true",
			"GITHUB_ACTIONS": "true",
			"GITHUB_JOB": "build",
			"GITHUB_RUN_ID": "42",
			"GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
			"GOCACHE": "/srv/ci/home/go-build",
			"HOME": "/srv/ci/home",
		},
		"runtime": {"name": "go", "version": "go1.27.3"},
	},
	"cicd": {
		"pipeline": {
			"name": "ci",
			"run": {"id": "42"},
			"task": {"name": "build", "run": {"id": "42/1/build"}},
		},
		"system": {"component": "github"},
	},
	"vcs": {
		"ref": {
			"head": {"name": "main", "revision": "0123456789abcdef0123456789abcdef01234567"},
		},
		"repository": {"url": {"full": "https://github.com/example/project"}},
	},
	"tracego": {
		"executable": {"mode": "100755", "owner_id": 0, "deleted": false, "memfd": false},
		"elf": {"linkage": "static", "pie": false, "stripped": false, "debug": true},
		"go": {
			"role": "go-service",
			"confidence": "high",
			"build": {
				"path": "example.com/project/cmd/server",
				"module": {"path": "example.com/project", "version": "(devel)"},
				"dependencies": 0,
				"trimpath": false,
				"cgo": false,
				"race": false,
				"buildmode": "exe",
			},
		},
		"job": {
			"opened_by": "ancestor",
			"sources": [
				{
					"attribute": "vcs.ref.head.revision",
					"source": "environment",
					"variable": "GITHUB_SHA",
				},
				{
					"attribute": "vcs.ref.head.name",
					"source": "environment",
					"variable": "GITHUB_REF_NAME",
				},
				{
					"attribute": "cicd.pipeline.name",
					"source": "environment",
					"variable": "GITHUB_WORKFLOW",
				},
				{
					"attribute": "cicd.pipeline.run.id",
					"source": "environment",
					"variable": "GITHUB_RUN_ID",
				},
			],
		},
	},
}

dropped := {
	"event_name": "tracego.process.start",
	"timestamp": "2026-11-24T09:24:28.945826340Z",
	"date": "2026-11-24",
	"process": {
		"pid": 19640,
		"parent_pid": 19639,
		"command": "true",
		"command_args": ["/bin/true"],
		"executable": {"path": "/usr/bin/true", "name": "true"},
		"working_directory": "/tmp/b",
		"user": {"id": 0, "name": "root"},
		"interactive": false,
		"linux": {"cgroup": "/"},
	},
	"cicd": {
		"pipeline": {
			"run": {"id": "1234"},
			"task": {"name": "build", "run": {"id": "1234/1/build"}},
		},
		"system": {"component": "github"},
	},
	"vcs": {
		"ref": {"head": {"revision": "0123456789abcdef0123456789abcdef01234567"}},
		"repository": {"url": {"full": "https://github.com/o/r"}},
	},
	"tracego": {
		"executable": {"mode": "100755", "owner_id": 0, "deleted": false, "memfd": false},
		"findings": [
			{
				"id": "TG016",
				"name": "job-identity",
				"variant": "dropped",
				"severity": "low",
				"confidence": "high",
				"message": "a process of a job no longer has vcs.ref.head.revision, cicd.pipeline.run.id, cicd.pipeline.task.run.id in its environment",
				"remedy": "Hand the variables on: sudo --preserve-env=…, docker run --env …, no env -i.",
				"evidence": {
					"attributes": "vcs.ref.head.revision, cicd.pipeline.run.id, cicd.pipeline.task.run.id",
					"job.root": "00000000-0000-4000-8000-000000000000-1d611304d663-4cb7",
				},
			},
		],
		"job": {
			"opened_by": "ancestor",
			"sources": [
				{
					"attribute": "vcs.ref.head.revision",
					"source": "inherited",
					"variable": "GITHUB_SHA",
				},
				{
					"attribute": "cicd.pipeline.run.id",
					"source": "inherited",
					"variable": "GITHUB_RUN_ID",
				},
				{
					"attribute": "cicd.pipeline.task.name",
					"source": "inherited",
					"variable": "GITHUB_JOB",
				},
				{
					"attribute": "vcs.repository.url.full",
					"source": "inherited",
					"variable": "GITHUB_REPOSITORY",
				},
			],
			"dropped": [
				"vcs.ref.head.revision",
				"cicd.pipeline.run.id",
				"cicd.pipeline.task.name",
				"vcs.repository.url.full",
				"cicd.pipeline.task.run.id",
			],
		},
	},
}

changed := {
	"event_name": "tracego.process.start",
	"timestamp": "2026-11-24T09:24:28.946317703Z",
	"date": "2026-11-24",
	"process": {
		"pid": 19641,
		"parent_pid": 19639,
		"command": "true",
		"command_args": ["/bin/true"],
		"executable": {"path": "/usr/bin/true", "name": "true"},
		"working_directory": "/tmp/b",
		"user": {"id": 0, "name": "root"},
		"interactive": false,
		"linux": {"cgroup": "/"},
		"environment_variable": {
			"GITHUB_ACTIONS": "true",
			"GITHUB_JOB": "build",
			"GITHUB_RUN_ID": "1234",
			"GITHUB_SHA": "forged",
		},
	},
	"cicd": {
		"pipeline": {
			"run": {"id": "1234"},
			"task": {"name": "build", "run": {"id": "1234/1/build"}},
		},
		"system": {"component": "github"},
	},
	"vcs": {
		"ref": {"head": {"revision": "forged"}},
		"repository": {"url": {"full": "https://github.com/o/r"}},
	},
	"tracego": {
		"executable": {"mode": "100755", "owner_id": 0, "deleted": false, "memfd": false},
		"findings": [
			{
				"id": "TG016",
				"name": "job-identity",
				"variant": "changed",
				"severity": "high",
				"confidence": "high",
				"message": "a process claims vcs.ref.head.revision forged where its job has 0123456789abcdef0123456789abcdef01234567",
				"remedy": "Do not set the variables of the job anew; use names of your own.",
				"evidence": {
					"attribute": "vcs.ref.head.revision",
					"claimed": "forged",
					"expected": "0123456789abcdef0123456789abcdef01234567",
					"job.root": "00000000-0000-4000-8000-000000000000-1d611304d663-4cb7",
				},
			},
		],
		"job": {
			"opened_by": "ancestor",
			"sources": [
				{
					"attribute": "vcs.ref.head.revision",
					"source": "environment",
					"variable": "GITHUB_SHA",
				},
				{
					"attribute": "cicd.pipeline.run.id",
					"source": "environment",
					"variable": "GITHUB_RUN_ID",
				},
				{
					"attribute": "cicd.pipeline.task.name",
					"source": "environment",
					"variable": "GITHUB_JOB",
				},
				{
					"attribute": "vcs.repository.url.full",
					"source": "environment",
					"variable": "GITHUB_REPOSITORY",
				},
			],
			"changed": [
				{
					"attribute": "vcs.ref.head.revision",
					"claimed": "forged",
					"expected": "0123456789abcdef0123456789abcdef01234567",
					"source": "inherited",
				},
			],
		},
	},
}

# Without any trace of a CI job, in a container.
in_container(record) := object.union(
	object.remove(record, ["cicd", "vcs"]),
	{
		"container": {"id": "0a1b2c3d4e5f"},
		"process": {"environment_variable": {"CI": "false"}},
		"tracego": {"job": {"opened_by": "", "sources": []}},
	},
)

# What the bundle decides.
decision_on(record) := decision if {
	decision := data.tracego.process.decision with input as record
}

violations_of(record) := violations if {
	decision := decision_on(record)
	violations := decision.violations
}

ids(record) := found if {
	violations := violations_of(record)
	found := {violation.id | some violation in violations}
}

allows(record) if {
	decision := decision_on(record)
	decision.allow
}

severity_of(record) := severity if {
	decision := decision_on(record)
	severity := decision.severity
}

action_of(record) := action if {
	decision := decision_on(record)
	action := decision.action
}

# go run with other arguments, as the record says it.
run(package_name, target) := object.union(go_run, {
	"process": {"command_args": ["go", "run", package_name]},
	"tracego": {
		"go": {"command": {"package": package_name, "target": target}},
		"findings": [],
	},
})

# A go command with another command line.
go_with(words) := object.union(go_build, {
	"process": {"command_args": words},
	"tracego": {"go": {"command": {"subcommand": words[1]}}},
})

# Without any trace of a CI job, nor of production.
outside(record) := object.remove(in_container(record), ["container"])

with_env(record, variables) := object.union(record, {"process": {"environment_variable": variables}})

with_path(record, path) := object.union(record, {"process": {"executable": {"path": path}}})

with_role(record, role) := object.union(record, {"tracego": {"go": {"role": role}}})

with_variant(record, variant) := object.union(record, {"tracego": {"findings": [{
	"id": "TG001",
	"variant": variant,
	"severity": "low",
	"message": "m",
	"remedy": "r",
}]}})
