"""Calls of built-in functions with edge values, and the answers of OPA itself (the library of its Go module).

policy_calls.py generate SEED COUNT     lines of {name, expression}: COUNT calls of each built-in function, and
                                        operators and constructs with the same values
policy_calls.py answer                  the line {name, expression, answer} for each such line on standard input

An answer is {"value": the text of json.marshal([type_name(x), x])}, {"undefined": true}, or {"error": why}.
A built-in function that fails is undefined, as in an OPA that is not told to be strict.
"""

import ctypes
import importlib.util
import json
import pathlib
import random
import sys

# A function between a literal and a call: without it OPA's compiler knows the types, and refuses a wrong one.
PRELUDE = "package same\n\nas_is(x) := x\n"

STRINGS = [
    '""', '"a"', '"abc"', '"ABC"', '"a.b.c"', '"gооd"', '"ü"', '"ǅ ß İ ı ſ K"', '"Ünïcödé"', '"日本語"', '"😀a"', '"e\\u0301"',
    '"a b"', '" a "', '"\\u00a0a\\u2003"', '"\\u0085x\\u200b"', '"\\t\\n\\r\\u000b\\u000c"', '"a\\nb"', '"\\u0000"', '"0"', '"12"', '"-1"',
    '"1.5"', '"1e3"', '"0x1F"', '"true"', '"null"', '"a,b,,c"', '"aaaa"', '"aXbXc"', '"foo/bar/baz.go"', '"/usr/bin/go"', '"go run main.go"',
    '"example.com/x@v1.2.3"', '"192.168.0.1"', '"\\"q\\""', '"<a&b>"', '"\\u2028"', '"a\\\\b"', '"$1"', '"x=$0"',
    '"CI=true"', '"abcabc"', '"ab ab"', '"\\ufeffa"', '"١٢"', '"a_b-c"',
]
NUMBERS = [
    "0", "1", "-1", "2", "3", "7", "10", "16", "36", "100", "255", "1.0", "1.5", "-1.5", "2.5", "0.5", "-0.5", "0.1", "3.7", "1e3", "1e21", "1e-7",
    "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "123456789012345678901234567890",
    "1e100", "0.30000000000000004", "-0.0", "1700000000000000000", "64", "1234567.891",
]
SCALARS = ["null", "true", "false"]
ARRAYS = [
    "[]", "[1]", "[1, 2, 3]", '["a", "b"]', '["b", "a", "a"]', "[3, 1, 2]", '[1, "a", null, true, [1], {"a": 1}, {1}]', "[[1, 2], [3]]",
    "[1.5, 2]", '["a", 1]', "[null]", "[{1}, {2, 3}]", '[{"a": 1}, {"a": 2}]', "[true, false]", '["ab", "b", ""]', "[0.1, 0.2]", "[1, 1.0]",
    "[10, 9, 100]", '["a", "B", "ä", "Z"]',
]
SETS = [
    "set()", "{1}", "{1, 2, 3}", '{"a", "b"}', "{3, 4}", "{{1}, {2, 1}}", '{[1], "a", null, 1.5}', '{"ab", "b"}', "{1, 1.0}", "{true}",
    "{[1, 2], [1]}",
]
OBJECTS = [
    "{}", '{"a": 1}', '{"a": {"b": {"c": 1}}, "d": [1, 2]}', '{"a": [{"b": 1}, {"b": 2}]}', '{1: 2}', '{"b": 1, "a": 2}', '{"a": {"x": 1}}',
    '{"a": {"y": 2}, "c": null}', '{[1]: {1}}', '{"a": "b", "b": "a"}', '{"x/y": 1, "x~y": 2}', '{null: 1, true: 2}', '{"1": "one", 1: "number"}',
]
ANY = STRINGS[:20] + NUMBERS + SCALARS + ARRAYS + SETS + OBJECTS

PATTERNS = [
    r"^\w+$", r"\d+", r"\s", r"\bab\b", r"\W", r"\D", r"\S", r"\B", r"(?i)abc", r"(?i)k", r"(?i)s", r"(?i:ß)", r"\Qa.b\E", r"\Q.\E+", r"\Qa", r"a\Q\E*", r"[\w]", r"[^\d]", r"[[:alpha:]]+", r"[[:word:]]", r"[[:^digit:]]",
    r"\pL", r"\p{Greek}", r"\pN", r"\PL+", r"\p{Lu}", r"\p{^Lu}", r"\p{L}", r"[\p{L}\d]", r"\p{letter}", r"\p{Alphabetic}", r"\p{sc=Greek}", r"\p{Latin}", r"\C", r"a{2}", r"a{1,3}?", r"a{0,1000}", r"a{1001}", r"a{,2}", r"a{2", r"a{}", r"x{1000,2}", r"(a{10}){100}", r"(a{100}){11}",
    r"(?P<n>a)", r"(?<n>a)", r"(?P<n>a)(?P<n>b)", r"(?:a|b)*", r"(?s).", r"(?m)^b$", r"(?U)a+", r"(?U)a+?", r"(?x) a b", r"(?-i)a", r"(?i-s)A", r"(?R)a", r"(?u)a", r"(?-u)\w", r"(?is)a.b", r"\h", r"\H", r"\R", r"\K", r"\z", r"\Z", r"\A", r"\G", r"\<", r"\>", r"\b{start}", r"\b{start-half}x",
    r"[a&&b]", r"[a-z&&[^b]]", r"[a--b]", r"[a~~b]", r"[[a]]", r"[[]", r"[]a]", r"[^]a]", r"[a-]", r"[-a]", r"[a-b-c]", r"[z-a]", r"[\s-a]", r"[a\]b]", r"[&&]", r"[a&b]", r"[\b]", r"[\x41]", r"\x41", r"\x{1F600}", r"\x{110000}", r"\x4", r"\u0041", r"\u{41}", r"\U00000041", r"\101", r"\0", r"\07", r"\1", r"\8", r"(a)\1", r"\a", r"\f", r"\t", r"\n", r"\r", r"\v", r"\e", r"\cA", r"\_", r"\-", r"\.", r"\/", r"\ ", r"\%", r"\&", r"\ü", r"\,", r"\#",
    r"a**", r"a*?", r"a+?", r"a??", r"a+*", r"a++", r"a?+", r"*a", r"+", r"?", r"(", r")", r"a|", r"|", r"()", r"(|a)*", r"", r".", r"^*", r"$", r"^$", r"(?:", r"(?i", r"(?", r"(?P<", r"(?P=n)", r"(?=a)", r"(?!a)", r"(?<=a)", r"(?>a)", r"(?#c)", r"\p", r"\pZ", r"\p{Foo}", r"\p{Any}", r"\p{ASCII}", r"[[:foo:]]", r"[:alpha:]", r"ü", r"[а-я]", r"[^a]", r"o+", r"a|b|", r"(a)|b", r"(a*)*", r"(a*)+", r"[\D\d]", r"[^\D\d]", r"\pM", r"\p{Cs}", r"\p{Cn}", r"\p{Nd}\d", r"(?i)[k]", r"(?i)[^k]", r"(?i)\x{212a}", r"(?i)ſ", r"(?i)İ", r"x*", r"\w+\.\w+", r"[A-Z]\w*", r"^.*$", r"(?m)$", r"\n", r"a$", r"(?m:^a)$", r"[\]]", r"}", r"]", r"{", r"{1}", r"a{1}{2}", r"a{1,2}{3}", r"(?i)(?-i:a)B", r"(?P<ü>a)", r"(?P<1a>a)", r"(?P<a.b>x)", r"(?P<a[0]>x)", r"\pC", r"\p{Co}", r"\p{Zs}", r"[\pL--a]", r"[a-\d]", r"[\w-z]", r"\Q\E", r"\E", r"\Q[a]\E", r"\Q\\E", r"[\Qa\E]", r"^(go|run)\s+", r"\$1",
]
FORMATS = [
    "%s", "%d", "%v", "%q", "%x", "%X", "%o", "%b", "%c", "%U", "%e", "%E", "%f", "%F", "%g", "%G", "%t", "%T", "%p", "%%", "%", "%5d", "%-5d|", "%05d", "%+d", "% d", "%#x",
    "%5s", "%-5s|", "%.2s", "%5.1f", "%.3f", "%08.3f", "%+v", "%#v", "%x %x", "%[1]d", "%[2]s %[1]s", "%[3]d", "%*d", "%.*f", "%!", "%z", "%s %s", "%s", "a", "", "%d%%", "100%", "%s%d%v",
    "%O", "% x", "%+q", "%#q", "%6.2f%%", "%t %t", "%i", "%u", "%,d", "%5t", "%010s", "%w",
]
LAYOUTS = [
    "2006-01-02", "2006-01-02T15:04:05Z07:00", "Mon Jan _2 15:04:05 2006", "RFC822", "RFC3339", "ANSIC", "Kitchen", "15:04", "3:04PM", "Jan 2, 2006 at 3:04pm (MST)", "2006-01-02 15:04:05.000",
    "2006-002", "Monday, 02-Jan-06 15:04:05 MST", "06", "January", "%Y-%m-%d", "", "RFC1123", "RFC1123Z", "RFC850", "RFC822Z", "RFC3339Nano", "UnixDate", "RubyDate", "2006-01-02T15:04:05.999999999Z07:00", "01/02 03:04:05PM '06 -0700",
]
TIMES = [
    "0", "1700000000000000000", "-1", "1582977600000000000", "951782400000000000", "-62135596800000000000", "253402300799999999999", "9223372036854775807", "1.5", "1e18", "1703980799999999999",
    '[1700000000000000000, "UTC"]', '[1700000000000000000, "America/New_York"]', '[1582977600000000000, "Europe/Berlin"]', '[0, ""]', '[0, "Nowhere/City"]', '[1711846800000000000, "Europe/Berlin"]', '[0, "Local"]', '[0, "EST"]', '[]', '["x"]',
]
DATES = [
    "2024-02-29T12:30:00Z", "2024-02-30T00:00:00Z", "1970-01-01T00:00:00Z", "2026-11-25T02:11:46.003673602Z", "2026-11-25T02:11:46+01:00", "2026-11-25t02:11:46z", "2026-11-25 02:11:46Z", "2026-11-25T02:11:46", "2026-11-25T24:00:00Z", "2026-11-25T23:59:60Z",
    "1677-09-21T00:12:43Z", "2262-04-11T23:47:17Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-25", "Nov 25, 2026", "", "x", "2026-1-5T00:00:00Z", "2026-11-25T02:11:46.Z", "2026-11-25T02:11:46,5Z", "+2026-11-25T02:11:46Z", "15:04", "3:04PM",
]
DURATIONS = ["1h", "1h30m", "1.5h", "-5s", "+5s", "1d", "1w", "", "0", "5", "1µs", "1us", "1μs", "1ns", "1ms", "0.5ns", "9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "1h1h", "1 h", " 1h", "1H", ".5s", "1.s", "s", "-", "--1s", "1e3s", "2562048h", "1y"]
UNITS = ["1", "1K", "1k", "1Ki", "1KiB", "1KB", "1kb", "1m", "1M", "1MB", "1Mi", "1mi", "1mib", "1G", "1gi", "1T", "1P", "1E", "1Ei", "1e", "1e3", "1e3K", "1.5Ki", "0.1", "-1K", "+1", "", "K", "1 K", " 1K", "1K ", "\\\"1K\\\"", "1n", "1u", "1µ", "1d", "1h", "1Z", "1Ky", "1.", ".5", "1.2.3", "0x10", "00012345", "1_000", "1eb", "1b", "100TIB", "1kib", "1KIB", "999999999999E", "2147483648G"]
NETWORKS = ["10.0.0.0/8", "192.168.1.1/24", "192.168.1.1/32", "192.168.1.0/30", "0.0.0.0/0", "::/0", "2001:db8::/126", "2001:db8::1/128", "::1", "10.0.0.1", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0/8", "010.0.0.1", "10.0.0.1/08", "x", "", "fe80::1%eth0", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "1.2.3.4/24 ", "256.0.0.1", "10.0.0.0/31", "2001:db8::/64", "10.0.0.255/24", "2001:DB8::1"]
VERSIONS = ["1.2.3", "1.2", "1", "v1.2.3", "1.2.3-alpha", "1.2.3-alpha.1", "1.2.3-alpha.beta", "1.2.3+build", "1.2.3-rc.1+b", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a_b", "", "1.2.3.4", "99999999999999999999.0.0", "1.10.0", "1.9.0", "1.2.3-2", "1.2.3-10", "1.2.3-alpha-1", " 1.2.3", "1.2.3+", "-1.2.3", "1.2.3-ALPHA"]
JSONS = ["{}", "[]", "null", "1", "1.0", "1e2", "1e400", "\\\"a\\\"", "{\\\"a\\\": [1, {\\\"b\\\": null}]}", "[1,]", "{a: 1}", "", " 1 ", "1 2", "01", "-0", "1.", "{\\\"a\\\": 1, \\\"a\\\": 2}", "\\\"\\\\ud800\\\"", "\\\"\\\\u0041\\\"", "nul", "'a'", "[" * 300 + "]" * 300, "123456789012345678901234567890", "0.1", "1E5", "NaN", "a: 1", "// x", "\\\"\\u0001\\\"", "12345678901234567.5", "1.10"]
BASES = ["YQ==", "YQ", "YWI=", "YWJj", "YQ==\\n", "YW\\nJj", "Y Q==", "_-8=", "/+8=", "_-8", "/+8", "", "=", "YQ=", "a", "YR==", "w7w=", "/w==", "YWJj====", "Zm9vYmFy"]
HEXES = ["61", "6", "6G", "FF", "ff", "c3bc", "0x61", "", "616263", "AaBb", " 61"]
GLOBS = [
    "*", "**", "?", "a*", "*.go", "*.b.*", "{a,b}", "{a*,*c}", "[abc]", "[!abc]", "[a-c]", "[^a]", "/usr/*/go", "/usr/**", "**/go", "foo/*/*.go", "foo/**", "a.?.c", "\\\\*", "a\\\\", "[", "[]", "{", "{}", "{a", "a}", "[a", "[!]", "{a,{b,c}}", "*.{go,rs}", "", "a,b", "**.go", "*?*", "[日-本]*", "日*", "??", "[a-]", "{,a}", "x{a,b}y", "*.*.*", "a.b.c", "foo**go", "api.*.com", "[[:alpha:]]", "a**c", "[!a-c]*", "{a,b}*", "**/*.go", "***",
]
DELIMITERS = ["[]", '["."]', '["/"]', "null", '[".", "/"]', '[""]', '["ab"]', '["日"]', "[1]", '"."', '["*"]']
TEXTS = ["", "a", "abc", "a.b.c", "main.go", "foo/bar/baz.go", "/usr/bin/go", "/usr/local/bin/go", "go", "b", "d", "日本語", "x.b.y", "*", "a\\\\", "api.x.com", "api.x.y.com", "a}", "xay", "aXc", "^", "-", "!"]
UUIDS = ["00000000-0000-4000-8000-000000000000", "f47ac10b-58cc-0372-8567-0e02b2c3d479", "urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479", "{f47ac10b-58cc-4372-a567-0e02b2c3d479}", "f47ac10b58cc4372a5670e02b2c3d479", "x", "", "c232ab00-9414-11ec-b3c8-9f6bdeced846", "F47AC10B-58CC-4372-A567-0E02B2C3D479", "00000000-0000-0000-0000-000000000000"]
PATHS = ['["a"]', '["a/b"]', '["/a/b"]', '["a/b/c", "d/0"]', '[["a", "b"]]', '{"a"}', '["x~1y"]', '["x/y"]', '["d/1"]', '["a/0/b"]', '["a/1"]', "[]", '[["a", 0]]', '[""]', '["/"]', '[1]', '["d/-1"]', '["d/01"]', '["nope"]', '["a", "a/b"]', '"a"']
KEYS = ['["a"]', '{"a"}', '{"a": 1}', "[1]", "{1}", "[]", "set()", "{}", '["nope"]', '"a"', "{null}"]
PATCHES = [
    '[]', '[{"op": "add", "path": "/x", "value": 1}]', '[{"op": "add", "path": "d/-", "value": 3}]', '[{"op": "remove", "path": "/a"}]', '[{"op": "replace", "path": "a", "value": {1}}]', '[{"op": "move", "from": "/a", "path": "/z"}]', '[{"op": "copy", "from": "/a", "path": "/z"}]',
    '[{"op": "test", "path": "/a", "value": 1}]', '[{"op": "add", "path": "/d/0", "value": 9}]', '[{"op": "nope", "path": "/a"}]', '[{"op": "remove", "path": "/nope"}]', '[{"op": "add", "path": "", "value": 1}]', '[{"op": "add", "path": ["a", "b"], "value": 2}]', '[{"op": "add", "path": "/x~1y", "value": 2}]', '[{"path": "/a"}]', '[{"op": "add", "path": "/n/m", "value": 1}]',
]
GRAPHS = ['{"a": ["b"], "b": ["c"], "c": []}', '{"a": {"b"}, "b": {"a"}}', '{"a": []}', "{}", '{"a": null, "b": ["a"]}', '{1: [2], 2: [1]}', '{"a": "b"}', '{"a": ["x"]}']
OPTIONS = ["{}", '{"pretty": true}', '{"indent": "  "}', '{"prefix": "> "}', '{"pretty": false, "indent": " "}', '{"pretty": true, "indent": "\\t", "prefix": "x"}', '{"foo": 1}', '{"pretty": 1}', "null"]


def quoted(texts):
    """Literals of texts whose escapes are already those of Rego."""
    return [f'"{text}"' for text in texts]


def raw(texts):
    return [f"`{text}`" if "`" not in text else json.dumps(text) for text in texts]


POOLS = {
    "any": ANY, "string": STRINGS, "number": NUMBERS, "array": ARRAYS, "set": SETS, "object": OBJECTS, "collection": ARRAYS + SETS + OBJECTS,
    "list": ARRAYS + SETS, "pattern": raw(PATTERNS), "format": raw(FORMATS), "layout": quoted(LAYOUTS), "time": TIMES, "date": quoted(DATES),
    "duration": quoted(DURATIONS), "unit": quoted(UNITS), "network": quoted(NETWORKS), "version": quoted(VERSIONS), "json": quoted(JSONS),
    "base": quoted(BASES) + STRINGS, "hex": quoted(HEXES), "glob": quoted(GLOBS), "delimiters": DELIMITERS, "text": quoted(TEXTS), "uuid": quoted(UUIDS),
    "paths": PATHS, "keys": KEYS, "patch": PATCHES, "graph": GRAPHS, "options": OPTIONS,
    "small": ["0", "1", "2", "3", "-1", "-2", "5", "10", "1.5", "64", "1.0", "100"], "radix": ["2", "8", "10", "16", "3", "0", "1", "36", "-16", "10.0", '"10"'],
    "replacement": ['""', '"x"', '"$0"', '"$1"', '"${1}x"', '"$1x"', '"$n"', '"${n}"', '"$$"', '"$"', '"\\\\1"', '"${"', '"$é"', '"-"'],
    "arguments": ["[]", '["a"]', "[1]", "[1.5]", "[null]", "[true]", '["a", 1]', "[1, 2]", '["ü", "b", 3]', "[[1, \"a\"]]", '[{"a": 1}]', "[{1, 2}]", "[255, 16]", "[-5]", "[0.1, 2]", "[1e21]", "[123456789012345678901234567890]", "[3.0]", '["a\\nb"]', '["日本", 7]', "[set()]", "[5, 1.5, \"x\"]", "[1e100]"],
    "template": ['"urn:foo:{.*}"', '"a{b|c}d"', '"{\\\\w+}"', '"{"', '"}{"', '"{a}{b}"', '"x"', '"<a>"', '"{[ab]{2}}"', '""', '"urn:{日+}"'], "templated": ['"urn:foo:bar"', '"abd"', '"ab"', '"x"', '"gоod"', '"aa"', '"urn:日日"', '""', '"urn:foo:"'],
    "brace": ['"{"', '"<"', '""', '"{{"'], "brace2": ['"}"', '">"', '""', '"}}"'],
    "node": ['["a"]', '{"a"}', "[1]", '["nope"]', "set()", '{"a", "b"}', '"a"'],
    "replacements": ['{"a": "b"}', '{"a": "b", "b": "c"}', '{"": "x"}', '{"ab": "1", "a": "2"}', "{}", '{"a": ""}', '{"<": "&lt;", "&": "&amp;"}', '{"a": 1}'],
    "strings": ['["a", "b"]', '{"a", "ab"}', '"a"', '[""]', "[]", '["/usr"]', '{"go"}', '["a", 1]'],
    "sets": ["{{1}, {2}}", "{{1, 2}, {2}}", "set()", "{set()}", "{1}", "[{1}]", "{{1}}"],
    "objects": ['[{"a": 1}, {"a": 2}]', "[]", '[{"a": {"b": 1}}, {"a": {"c": 2}}]', '[{"a": 1}, 2]', '{{"a": 1}}', '[{"a": 1}, {"b": null}]'],
    # Networks with few addresses, because each is listed.
    "subnet": [text for text in quoted(NETWORKS) if not text.endswith(('/0"', '/8"', '/08"', '/64"', '/104"'))],
    "schema": ['{"type": "string"}'],
}

# Each function with the kinds of its arguments.
CALLS = {
    "abs": ["number"], "ceil": ["number"], "floor": ["number"], "round": ["number"],
    "numbers.range": ["small", "small"], "numbers.range_step": ["small", "small", "small"],
    "count": ["any"], "sum": ["list"], "product": ["list"], "max": ["list"], "min": ["list"], "sort": ["collection"],
    "array.concat": ["array", "array"], "array.reverse": ["array"], "array.slice": ["array", "small", "small"], "array.flatten": ["array"],
    "bits.and": ["number", "number"], "bits.or": ["number", "number"], "bits.xor": ["number", "number"], "bits.negate": ["number"], "bits.lsh": ["number", "small"], "bits.rsh": ["number", "small"],
    "to_number": ["any"], "format_int": ["number", "radix"],
    "base64.decode": ["base"], "base64.encode": ["string"], "base64.is_valid": ["base"], "base64url.decode": ["base"], "base64url.encode": ["string"], "base64url.encode_no_pad": ["string"],
    "hex.decode": ["hex"], "hex.encode": ["string"],
    "json.is_valid": ["json"], "json.marshal": ["any"], "json.marshal_with_options": ["any", "options"], "json.unmarshal": ["json"],
    "yaml.is_valid": ["json"], "yaml.marshal": ["any"], "yaml.unmarshal": ["json"],
    "json.filter": ["object", "paths"], "json.remove": ["object", "paths"], "json.patch": ["object", "patch"],
    "glob.match": ["glob", "delimiters", "text"], "glob.quote_meta": ["glob"],
    "graph.reachable": ["graph", "node"], "graph.reachable_paths": ["graph", "node"],
    "net.cidr_is_valid": ["network"], "net.cidr_contains": ["network", "network"], "net.cidr_expand": ["subnet"], "net.cidr_intersects": ["network", "network"], "net.cidr_merge": ["array"], "net.cidr_contains_matches": ["network", "network"],
    "object.filter": ["object", "keys"], "object.get": ["object", "any", "any"], "object.keys": ["object"], "object.remove": ["object", "keys"], "object.subset": ["collection", "collection"], "object.union": ["object", "object"], "object.union_n": ["objects"],
    "regex.find_all_string_submatch_n": ["pattern", "string", "small"], "regex.find_n": ["pattern", "string", "small"], "regex.is_valid": ["pattern"], "regex.match": ["pattern", "string"],
    "regex.replace": ["string", "pattern", "replacement"], "regex.split": ["pattern", "string"], "regex.template_match": ["template", "templated", "brace", "brace2"], "regex.globs_match": ["glob", "glob"],
    "semver.compare": ["version", "version"], "semver.is_valid": ["version"],
    "intersection": ["sets"], "union": ["sets"],
    "concat": ["string", "strings"], "contains": ["string", "string"], "endswith": ["string", "string"], "startswith": ["string", "string"], "indexof": ["string", "string"], "indexof_n": ["string", "string"],
    "lower": ["string"], "upper": ["string"], "replace": ["string", "string", "string"], "split": ["string", "string"], "sprintf": ["format", "arguments"],
    "strings.any_prefix_match": ["strings", "strings"], "strings.any_suffix_match": ["strings", "strings"], "strings.count": ["string", "string"], "strings.replace_n": ["replacements", "string"], "strings.reverse": ["string"],
    "substring": ["string", "small", "small"], "trim": ["string", "string"], "trim_left": ["string", "string"], "trim_right": ["string", "string"], "trim_prefix": ["string", "string"], "trim_suffix": ["string", "string"], "trim_space": ["string"],
    "time.add_date": ["time", "small", "small", "small"], "time.clock": ["time"], "time.date": ["time"], "time.weekday": ["time"], "time.diff": ["time", "time"], "time.format": ["time"], "time.parse_duration_ns": ["duration"], "time.parse_ns": ["layout", "date"], "time.parse_rfc3339_ns": ["date"],
    "units.parse": ["unit"], "units.parse_bytes": ["unit"], "uuid.parse": ["uuid"],
    "is_array": ["any"], "is_boolean": ["any"], "is_null": ["any"], "is_number": ["any"], "is_object": ["any"], "is_set": ["any"], "is_string": ["any"], "type_name": ["any"],
    "json.match_schema": ["any", "schema"], "json.verify_schema": ["schema"], "strings.render_template": ["string", "object"], "strings.split_n": ["string", "string", "small"], "trace": ["string"],
}

# Functions whose result grows with a number.
HUGE = ["bits.lsh", "numbers.range", "numbers.range_step"]

# Expressions of the language; a word in braces is a value of that kind.
EXPRESSIONS = [
    "{number} + {number}", "{number} - {number}", "{number} * {number}", "{number} / {number}", "{number} % {number}", "-{small}",
    "{any} == {any}", "{any} != {any}", "{any} < {any}", "{any} <= {any}", "{any} > {any}", "{any} >= {any}", "{set} | {set}", "{set} & {set}", "{set} - {set}",
    "{any} + {any}", "{any} - {any}", "{any} in {collection}", "[{any} in {collection}]", "sort([{any}, {any}, {any}])", "{open}{any}, {any}, {any}{close}", "{collection}[{any}]", "{string}[0]",
    "[x | some x in {collection}]", "{open}x | some x in {collection}{close}", "[[k, v] | some k, v in {collection}]", "[x | walk({collection}, x)]", "[x | x := {collection}[_]]", "count([1 | every x in {collection} {open} is_number(x) {close}])",
    "[not {any}]", "[1 | not {any}]", "[1 | {any}]", "{open}{string}: {any}, \"z\": {any}{close}", "[x | [x, _] = {array}]", "[x | {open}\"a\": x{close} = {object}]", "object.keys({object})", "sprintf(\"%v\", [{any}])", "sprintf(\"%v %v\", [{any}, {any}])", "json.marshal({any})", "concat(\",\", [{string}, {string}])", "{any}",
    "regex.match({pattern}, {text})", "regex.find_n({pattern}, {text}, -1)", "[x | x := {number}; x > 1]", "[v | some i, v in {array}; i > 0]", "[x | some x in {array}; is_string(x)]", "max({set} | {set})", "array.concat({array}, [{any}])",
]


def value(chance, kind):
    literal = chance.choice(POOLS[kind])
    return literal


def wrapped(literal):
    return f"data.same.as_is({literal})"


def generate(seed, count):
    chance = random.Random(int(seed))
    for name, kinds in CALLS.items():
        seen = set()
        if len(kinds) == 1:
            for literal in POOLS[kinds[0]]:
                seen.add(f"{name}({wrapped(literal)})")
        elif "pattern" in kinds or "format" in kinds:
            # Each pattern and format once at least.
            special = "pattern" if "pattern" in kinds else "format"
            for literal in POOLS[special]:
                for _ in range(3):
                    values = [literal if kind == special else value(chance, kind) for kind in kinds]
                    seen.add(f"{name}({', '.join(map(wrapped, values))})")
        elif name == "glob.match":
            # Each glob with delimiters that are accepted; the calls of other functions do not depend on these.
            own = random.Random(int(seed))
            for literal in POOLS["glob"]:
                for delimiters in ("[]", '["."]', '["/"]', "null"):
                    values = [literal, delimiters, value(own, "text")]
                    seen.add(f"{name}({', '.join(map(wrapped, values))})")
        for _ in range(count):
            values = [value(chance, kind) for kind in kinds]
            # A shift by a huge number, or a huge range, ends OPA.
            if name not in HUGE and chance.random() < 0.06:
                values[chance.randrange(len(values))] = value(chance, "any")
            seen.add(f"{name}({', '.join(map(wrapped, values))})")
        for expression in sorted(seen):
            yield {"name": name, "expression": expression}
    for template in EXPRESSIONS:
        seen = set()
        for _ in range(count):
            text, rest = "", template
            while "{" in rest:
                before, _, rest = rest.partition("{")
                kind, _, rest = rest.partition("}")
                text += before + {"open": "{", "close": "}"}.get(kind, "") if kind in ("open", "close") else before + wrapped(value(chance, kind))
            seen.add(text + rest)
        for expression in sorted(seen):
            yield {"name": template, "expression": expression}


class Opa:
    """The library; its Python side needs a newer Python than many machines have, so it is called directly."""

    def __init__(self):
        found = importlib.util.find_spec("opa_bindings")
        folder = pathlib.Path(found.origin).parent
        self.library = ctypes.CDLL(str(folder / "libopabridge.so"))
        self.library.OpaNew.restype = ctypes.c_uint64
        self.library.OpaFreeString.argtypes = [ctypes.c_void_p]
        for name, arguments in [("OpaAddPolicy", 2), ("OpaAddData", 2)]:
            function = getattr(self.library, name)
            function.restype = ctypes.c_void_p
            function.argtypes = [ctypes.c_uint64] + [ctypes.c_char_p] * arguments
        self.library.OpaEvalQuery.restype = ctypes.c_void_p
        self.library.OpaEvalQuery.argtypes = [ctypes.c_uint64, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
        self.library.OpaDestroy.argtypes = [ctypes.c_uint64]
        self.handle = self.library.OpaNew()

    def __del__(self):
        self.library.OpaDestroy(self.handle)

    def call(self, function, *arguments):
        pointer = function(self.handle, *arguments)
        try:
            return json.loads(ctypes.string_at(pointer))
        finally:
            self.library.OpaFreeString(pointer)

    def add_policy(self, path, text):
        answer = self.call(self.library.OpaAddPolicy, path.encode(), text.encode())
        if answer.get("error"):
            raise ValueError(answer["error"]["message"])

    def add_data(self, value):
        answer = self.call(self.library.OpaAddData, b"", json.dumps(value).encode())
        if answer.get("error"):
            raise ValueError(answer["error"]["message"])

    def query(self, query, value=None):
        """The bindings of the first answer; nothing where the query is undefined."""
        answer = self.call(self.library.OpaEvalQuery, query.encode(), json.dumps(value).encode(), 0, 0)
        if answer.get("error"):
            raise ValueError(answer["error"]["message"])
        results = answer.get("result") or []
        return results[0]["bindings"] if results else None


def answer_all():
    for number, line in enumerate(sys.stdin):
        # The library keeps every query that it has prepared.
        if number % 500 == 0:
            opa = Opa()
            opa.add_policy("same.rego", PRELUDE)
        case = json.loads(line)
        query = f"x := {case['expression']}; text := json.marshal([type_name(x), x])"
        try:
            bindings = opa.query(query)
            case["answer"] = {"undefined": True} if bindings is None else {"value": bindings["text"]}
        except ValueError as error:
            text = str(error)
            case["answer"] = {"undefined": True, "why": text[:200]} if "eval_builtin_error" in text or "eval_type_error" in text else {"error": text[:200]}
        print(json.dumps(case, ensure_ascii=False))


def main(arguments):
    match arguments:
        case ["generate", seed, count]:
            for case in generate(seed, int(count)):
                print(json.dumps(case, ensure_ascii=False))
        case ["answer"]:
            answer_all()
        case _:
            print(__doc__, file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
