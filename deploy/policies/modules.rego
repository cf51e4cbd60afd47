package tracego.process

# Versions that are a question: another day they are another version.
questions := ["@latest", "@main", "@master", "@HEAD", "@upgrade", "@patch"]

# METADATA
# title: A module without a fixed version
# description: go run or go install asks for a version such as @latest, so that another day it is other code.
# related_resources:
# - https://go.dev/ref/mod#version-queries
# custom:
#   rule: unpinned-module
#   severity: high
found contains {
	"id": "unpinned-module",
	"severity": "high",
	"action": "none",
	"msg": sprintf("go %s takes %s: another day that is other code", [subcommand, unpinned]),
	"remediation": "Name a version, such as @v1.2.3; better add a tool line to go.mod (Go 1.24) and use go tool.",
} if {
	place
	some unpinned in unpinned_modules
}

unpinned_modules contains run_package if {
	is_go_run
	run_target == "unpinned"
}

unpinned_modules contains arg if {
	subcommand in {"install", "get", "run"}
	some arg in go_args
	some question in questions
	endswith(arg, question)
}

# METADATA
# title: The build may change go.mod
# description: With -mod=mod a build changes go.mod and go.sum instead of failing when they are not complete.
# related_resources:
# - https://go.dev/ref/mod#build-commands
# custom:
#   rule: mod-mod
#   severity: medium
found contains {
	"id": "mod-mod",
	"severity": "medium",
	"action": "none",
	"msg": sprintf("go %s may change go.mod and go.sum: -mod=mod", [subcommand]),
	"remediation": "Run go mod tidy, commit the result, and build with -mod=readonly, the default.",
} if {
	place
	subcommand in {"run", "test", "build", "install", "vet"}
	may_change_modules
}

# The command line wins over GOFLAGS.
may_change_modules if {
	some flag in ["-mod=mod", "--mod=mod"]
	flag in go_args
}

may_change_modules if {
	some flag in ["-mod=mod", "--mod=mod"]
	flag in goflags
	not says_module_mode
}

says_module_mode if {
	some arg in go_args
	regex.match(`^--?mod(=|$)`, arg)
}

# METADATA
# title: Modules are not verified
# description: >-
#   A variable of the go command takes modules out of the checksum database, fetches them without a look at
#   certificates, or fetches them past the proxy. Seen where tracego shows the variable:
#   --env GOFLAGS --env GOSUMDB --env GONOSUMDB --env GOINSECURE --env GOPROXY.
# related_resources:
# - https://go.dev/ref/mod#authenticating
# custom:
#   rule: unverified-modules
#   severity: high
found contains {
	"id": "unverified-modules",
	"severity": "high",
	"action": "none",
	"msg": sprintf("go %s takes modules without the checks that Go makes: %s", [subcommand, unchecked]),
	"remediation": "Unset the variable, and name the modules that are private in GOPRIVATE.",
} if {
	place
	takes_modules
	some unchecked in unchecked_variables
}

# METADATA
# title: Modules come past the proxy
# description: GOPROXY begins with direct, so that modules come from their repositories, which can change or vanish.
# related_resources:
# - https://go.dev/ref/mod#module-proxy
# custom:
#   rule: proxy-direct
#   severity: low
found contains {
	"id": "proxy-direct",
	"severity": "low",
	"action": "none",
	"msg": sprintf("go %s takes modules straight from their repositories: GOPROXY=%s", [subcommand, env.GOPROXY]),
	"remediation": "Put a module proxy in front of direct.",
} if {
	place
	takes_modules
	proxies := split(replace(env.GOPROXY, "|", ","), ",")
	proxies[0] == "direct"
}

takes_modules if subcommand in {"run", "test", "build", "install", "vet", "get", "list", "tool", "fix"}

takes_modules if {
	subcommand == "mod"
	args[2] in {"download", "tidy", "vendor", "graph", "why", "verify"}
}

unchecked_variables contains "GOSUMDB=off" if env.GOSUMDB == "off"

unchecked_variables contains "GOFLAGS=-insecure" if "-insecure" in goflags

unchecked_variables contains "GONOSUMCHECK=1" if env.GONOSUMCHECK == "1"

unchecked_variables contains sprintf("%s=%s", [name, pattern]) if {
	some name in ["GOINSECURE", "GONOSUMDB"]
	some pattern in split(env[name], ",")
	pattern != ""
	not pattern in settings.private_modules
}

goflags contains flag if some flag in split(env.GOFLAGS, " ")

# Arguments of the go command itself: not those of the program that go run starts or go test makes.
go_args := array.slice(args, 0, min(go_args_ends))

go_args_ends contains count(args)

go_args_ends contains i if {
	some i, arg in args
	ends_go_args(arg)
}

ends_go_args(arg) if arg in {"-args", "--args"}

ends_go_args(arg) if {
	is_go_run
	arg == run_package
}
