# https://www.openpolicyagent.org/docs/policy-language#sets, #membership-and-iteration-in
package docs.sets

same := {1, 2, 3} == {3, 2, 1}

empty := count(set())

not_the_same := {} == {e | some e in []}

both := {1, 2, 3} & {2, 3, 4}

either := {1, 2} | {2, 3}

less := {1, 2, 3} - {2}

has if "b" in ["a", "b"]

at if 1, "b" in ["a", "b"]

key if "k", "v" in {"k": "v"}

lacks if not "c" in {"a", "b"}
