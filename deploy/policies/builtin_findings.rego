package tracego.process

# METADATA
# title: A finding of a built-in rule
# description: >-
#   Every finding that is at least as bad as findings.minimum_severity of the settings, under the id of its
#   rule. Those of findings.decided_here have rules of their own in this bundle.
# custom:
#   rule: TG001 to TG018
#   severity: that of the finding
found contains {
	"id": finding.id,
	"severity": finding.severity,
	"action": "none",
	"msg": finding.message,
	"remediation": finding.remedy,
} if {
	some finding in findings
	ranks[finding.severity] >= ranks[settings.findings.minimum_severity]
	not finding.id in settings.findings.decided_here
}
