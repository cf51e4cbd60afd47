package tracego.process

# METADATA
# title: An executable that everybody can change
# description: The mode of the file lets every user of the machine write it.
# custom:
#   rule: writable-executable
#   severity: high
found contains {
	"id": "writable-executable",
	"severity": "high",
	"action": "none",
	"msg": sprintf("every user can change %s: its mode is %s", [executable, mode]),
	"remediation": "chmod o-w the file, and install it with mode 0755.",
} if {
	mode := input.tracego.executable.mode
	some digit in ["2", "3", "6", "7"]
	endswith(mode, digit)
	not input.tracego.executable.memfd
}

# METADATA
# title: A program in a folder that everybody can write
# description: Production runs a program from /tmp or another folder of `writable_places`.
# custom:
#   rule: writable-place
#   severity: high
found contains {
	"id": "writable-place",
	"severity": "high",
	"action": "none",
	"msg": sprintf("%s runs in production from a folder that every user can write", [executable]),
	"remediation": "Install programs in a folder of root, such as /usr/local/bin, or in the image.",
} if {
	in_production
	some folder in settings.writable_places
	startswith(executable, folder)
	not role in {"go-run-child", "go-test-binary", "go-tool", "compiler-helper", "debugger"}
}

# METADATA
# title: An executable without a file
# description: It was deleted before it was started, or was only ever in memory (memfd). Nobody can look at it later.
# custom:
#   rule: deleted-executable
#   severity: high
found contains {
	"id": "deleted-executable",
	"severity": "high",
	"action": "none",
	"msg": sprintf("%s was started and has no file: %s", [executable, why]),
	"remediation": "Start programs from files that stay. Container runtimes that copy themselves into memory belong into exempt_paths.",
} if {
	some why in missing_file
}

missing_file contains "it was deleted" if input.tracego.executable.deleted == true

missing_file contains "it is in memory alone (memfd)" if input.tracego.executable.memfd == true
