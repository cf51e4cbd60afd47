# https://www.openpolicyagent.org/docs/policy-language#negation
package docs.negation

in_prod contains app if {
	some site in data.sites
	site.name == "prod"
	some server in site.servers
	some app in data.apps
	server in app.servers
}

apps_in_prod contains app.name if some app in in_prod

apps_not_in_prod contains app.name if {
	some app in data.apps
	not app in in_prod
}
