# https://www.openpolicyagent.org/docs/policy-language#the-basics: what refers to something undefined is undefined.
package docs.undefined

v if "hello" == "world"

w if v != true

not_v if not v

default allow := false

allow if input.user == "alice"

missing := input.nothing.here
