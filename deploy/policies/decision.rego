# METADATA
# scope: package
# title: tracego's starter policies
# description: >-
#   The red lines of the built-in rules as Rego. Every file of this folder adds to `found`; what is left
#   of it after settings and exceptions are the violations that the decision is made of.
package tracego.process

# METADATA
# title: The decision on a process start
# description: >-
#   A start is allowed unless a violation is at least as bad as `deny_from` of the settings. The severity
#   is that of the worst violation, and the action the strictest of those that deny.
# entrypoint: true
decision := {"allow": true, "action": "none", "violations": violations} if count(violations) == 0

decision := {
	"allow": count(denials) == 0,
	"severity": worst,
	"action": strictest,
	"violations": violations,
} if {
	count(violations) > 0
}

# METADATA
# title: What is wrong with this start
# description: What the rules found, without what is switched off, exempt or excepted.
violations contains violation if {
	is_start
	some rule in found
	not rule.id in settings.off
	not is_exempt
	not is_excepted(rule.id)
	violation := object.union(rule, {"action": object.get(settings.actions, rule.id, rule.action)})
}

is_exempt if {
	some folder in settings.exempt_paths
	is_at(executable, folder)
}

denials contains violation if {
	some violation in violations
	ranks[violation.severity] >= ranks[settings.deny_from]
}

worst := severity if {
	some severity, rank in ranks
	rank == max({ranks[violation.severity] | some violation in violations})
}

# How far an action goes: a start that is refused, a process that ends, and a whole job.
action_ranks := {"none": 0, "deny": 1, "kill": 2, "kill-job": 3}

strictest := action if {
	some action, rank in action_ranks
	rank == max({action_ranks[violation.action] | some violation in denials} | {0})
}
