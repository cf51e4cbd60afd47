# What the rules ask of a record: each question once, and nothing undefined where a rule compares. Only
# members by their names: what reads the whole input reads what is new in each record, and then no decision
# is remembered.
package tracego.process

settings := data.tracego.settings

# Only a start is decided. A record without the name of its event is taken for one.
is_start if event_name == "tracego.process.start"

default event_name := "tracego.process.start"

event_name := input.event_name

default args := []

args := input.process.command_args

# The record has an object here, the short form of the input a text.
default executable := ""

executable := input.process.executable.path if is_object(input.process.executable)

executable := input.process.executable if is_string(input.process.executable)

# Variables that the record shows: those of CI systems, and those that --env names.
default env := {}

env := input.process.environment_variable

# Findings of the built-in rules on this record.
default findings := []

findings := input.tracego.findings

default role := ""

role := input.tracego.go.role

default subcommand := ""

subcommand := input.tracego.go.command.subcommand if role in go_command_roles

subcommand := args[1] if {
	role == ""
	called_go
}

go_command_roles := {"go-command", "go-run", "go-test", "go-tool", "go-generate", "go-build"}

# The command line says go, where nothing was read of the executable.
called_go if {
	parts := split(args[0], "/")
	parts[count(parts) - 1] == "go"
}

# Where it runs.
in_job if input.tracego.job.opened_by in {"explicit", "ancestor", "self"}

# The claim of the process itself ("self") takes no rule for production off it.
surely_in_job if input.tracego.job.opened_by in {"explicit", "ancestor"}

in_production if {
	not surely_in_job
	some name, values in settings.production_variables
	env[name] in values
}

in_production if {
	not surely_in_job
	not attended
	input.container.id
}

in_production if {
	not surely_in_job
	not attended
	is_service
}

is_service if {
	endswith(input.tracego.unit, ".service")
	not startswith(cgroup, "/user.slice/")
	not runs_for_others
}

default cgroup := ""

cgroup := input.process.linux.cgroup

runs_for_others if {
	some prefix in settings.runner_units
	startswith(input.tracego.unit, prefix)
}

attended if input.process.interactive == true

place := "in a CI job" if in_job

place := "in production" if {
	in_production
	not in_job
}

# go run, and what it was asked to run.
is_go_run if role == "go-run"

is_go_run if {
	role == ""
	subcommand == "run"
	args[2]
}

default run_target := "local"

run_target := input.tracego.go.command.target if role != ""

run_target := "files" if {
	role == ""
	subcommand == "run"
	endswith(args[2], ".go")
}

default run_package := ""

run_package := input.tracego.go.command.package if role != ""

run_package := args[2] if {
	role == ""
	subcommand == "run"
}

# A line of go generate runs it.
is_generated if {
	some finding in findings
	finding.variant == "generate"
}

# "./cmd/..." is every package below ./cmd; a pattern without dots is that package alone.
is_allowed(name) if name in settings.allowed_packages

is_allowed(name) if {
	some pattern in settings.allowed_packages
	endswith(pattern, "/...")
	startswith(name, trim_suffix(pattern, "..."))
	not contains(name, "..")
}

# A folder ends with a slash.
is_at(path, folder) if path == folder

is_at(path, folder) if {
	endswith(folder, "/")
	startswith(path, folder)
}

# A program of the job's own, as far as the record says it: not installed as a version of a module,
# and of a module that is listed, of the repository, or below the working directory.
is_own_program if {
	is_built_here
	some prefix in settings.own_modules
	is_at(module, prefix)
}

is_own_program if {
	is_built_here
	is_at(sprintf("%s/", [module]), sprintf("%s/", [repository]))
}

is_own_program if {
	is_built_here
	startswith(executable, sprintf("%s/", [input.process.working_directory]))
}

is_built_here if {
	role in {"go-service", "go-run-child"}
	not input.tracego.go.build.module.sum
}

default module := ""

module := input.tracego.go.build.module.path

# As a module path: github.com/example/project.
repository := path if {
	parts := split(input.vcs.repository.url.full, "://")
	path := trim_suffix(parts[1], ".git")
}

ranks := {"low": 1, "medium": 2, "high": 3, "critical": 4}
