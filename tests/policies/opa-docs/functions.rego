# https://www.openpolicyagent.org/docs/policy-language#functions
package docs.functions

trim_and_split(text) := parts if {
	trimmed := trim(text, " ")
	parts := split(trimmed, ".")
}

words := trim_and_split("   foo.bar ")

# Of several definitions the one whose body holds counts.
size(1, x) := y if y := x * 10

size(2, x) := y if y := x * 100

by_one := size(1, 3)

by_two := size(2, 3)

by_three := size(3, 3)
