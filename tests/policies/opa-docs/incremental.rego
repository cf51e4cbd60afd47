# https://www.openpolicyagent.org/docs/policy-language#incremental-definitions
package docs.incremental

instances contains {"name": server.name, "kind": "server"} if {
	some server in input.servers
}

instances contains {"name": container.name, "kind": "container"} if {
	some container in input.containers
}

names contains instance.name if some instance in instances

# A complete rule may have several definitions as long as they agree.
power_users := {"alice", "bob"}

restricted_users := {"bob", "kim"}

max_memory := 32 if input.user in power_users

max_memory := 4 if {
	input.user in restricted_users
	not input.user in power_users
}
