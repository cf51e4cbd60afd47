# https://www.openpolicyagent.org/docs/policy-language#every-keyword and #universal-quantification-for-all
package docs.universal

names_all_dev if {
	every site in input.sites {
		endswith(site, "-dev")
	}
}

names_all_long if {
	every site in input.sites {
		count(site) > 3
	}
}

nothing_is_all if {
	every x in [] {
		x == "never asked"
	}
}

pairs if {
	every key, value in input.ports {
		value > 0
		key != ""
	}
}

no_miners_by_helper if not any_miners

any_miners if {
	some app in input.sites
	app == "bitcoin-miner"
}
