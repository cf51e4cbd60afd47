# https://www.openpolicyagent.org/docs/policy-language#else-keyword
package docs.chained

authorize := "allow" if {
	input.user == "superuser"
} else := "deny" if {
	input.path[0] == "admin"
	input.source_network == "external"
} else := "ask"
