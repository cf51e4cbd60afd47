# https://www.openpolicyagent.org/docs/policy-language#comprehensions
package docs.comprehensions

names := [name | name := input.sites[_].name]

regions := {region | region := input.sites[_].region}

by_region := {region: found |
	region := input.sites[_].region
	found := {site.name | some site in input.sites; site.region == region}
}

west := by_region.west

doubled := [m |
	some n in numbers.range(1, 4)
	m := 2 * n
]

last := [i | input.sites[i].region == "west"]
