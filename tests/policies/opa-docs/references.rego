# https://www.openpolicyagent.org/docs/policy-language#references and #variable-keys
package docs.references

hostname := data.sites[0].servers[1].hostname

hostnames contains name if {
	name := data.sites[_].servers[_].hostname
}

places contains [site.name, server.name] if {
	some site in data.sites
	some server in site.servers
}

prod_exists if {
	some site in data.sites
	site.name == "prod"
}

staging_exists if {
	some site in data.sites
	site.name == "staging"
}
