# The shape of https://www.openpolicyagent.org/docs/cicd and conftest: messages in a set called deny.
package docs.classic

deny contains message if {
	input.process.argv[0] == "go"
	input.process.argv[1] == "run"
	endswith(input.process.argv[2], ".go")
	input.process.env.CI == "true"
	message := sprintf("go run %s in a CI job", [input.process.argv[2]])
}

warn contains "no commit" if not input.process.env.GIT_COMMIT
