# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tracego_global_optspecs
    string join \n e/event= env= output= otlp-endpoint= otlp-traces= otlp-metrics= spool-dir= format= output-file= tree= color= raw-args= profile= only-findings= min-severity= seal= seal-interval= seal-key= policy= policy-key= policy-algorithm= policy-on-error= policy-time-limit= decision-log= decision-log-mask= config= ring-size= argv-max= uid= comm= cgroup= heartbeat= listen= enforce= handover= pin-dir= duration= log= h/help V/version
end

function __fish_tracego_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_tracego_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_tracego_using_subcommand
    set -l cmd (__fish_tracego_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c tracego -n "__fish_tracego_needs_command" -s e -l event -d 'Events to write. `execve` stands for execve and execveat. `execve-failed` needs tracefs and makes every system call of the machine a little slower (getppid: 169 ns → 210 ns)' -r -f -a "execve\t'A program was started'
exit\t'A process ended'
fork\t'A process was made'
execve-failed\t'A program could not be started'"
complete -c tracego -n "__fish_tracego_needs_command" -l env -d 'KEY=VALUE: put this into every record. KEY: take the process\'s own value. Repeatable. The variables of known CI systems are always taken, and those that rules look at, which records do not show. No other variable leaves a process' -r
complete -c tracego -n "__fish_tracego_needs_command" -l output -d 'json: one object a line. text: for people. otlp: to an OpenTelemetry collector, as --otlp-endpoint or the variables OTEL_EXPORTER_OTLP_* say. Default: text on a terminal, else json; nothing where the configuration has sinks' -r -f -a "json\t'One JSON object a line'
text\t'For people'
otlp\t'To an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_needs_command" -l otlp-endpoint -d 'The collector for --output otlp, --otlp-traces and --otlp-metrics: http://localhost:4318 unless this or OTEL_EXPORTER_OTLP_ENDPOINT says otherwise. OTEL_EXPORTER_OTLP_PROTOCOL chooses grpc (port 4317), http/protobuf or http/json' -r
complete -c tracego -n "__fish_tracego_needs_command" -l otlp-traces -d 'Send each CI job as one trace: a span a process, findings as events. The collector is that of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. What it does not take within five minutes is dropped and counted: spans are no audit trail' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l otlp-metrics -d 'Push what /metrics shows, every 60 seconds or as OTEL_METRIC_EXPORT_INTERVAL says, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l spool-dir -d 'Records that wait for a sink are kept in this folder, and survive a restart, a kill and a power loss. Without it they wait in memory' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l format -d 'What events are written as, one a line, whatever --output says. docs/formats.md has what each loses' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_needs_command" -l output-file -d 'Append records to this file (made with mode 0600) instead of standard output' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l tree -d 'Indent text by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l color -d 'Colours in text' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c tracego -n "__fish_tracego_needs_command" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l profile -d 'Which defaults rules take. auto: each process by its variables, container and unit. ci: all is a CI job. production: all that is no CI job is production. developer: nothing is production' -r -f -a "auto\t'Each process for itself: a CI job by its variables, production by container or system service'
ci\t'Everything that is seen belongs to a CI job'
production\t'Everything that is no CI job is production'
developer\t'Nothing is production unless the configuration names it'"
complete -c tracego -n "__fish_tracego_needs_command" -l only-findings -d 'Write records of processes only when something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l min-severity -d 'Write records of processes only with a finding that is at least so bad: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'To be mended'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_needs_command" -l seal -d 'Write down in the log itself what shows that it is whole, for `tracego verify-log`: each record is linked to those before it, and a tracego.seal record says how many there are. Only with JSON' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l seal-interval -d 'Seconds between two seals; a job and the run get one at their end' -r
complete -c tracego -n "__fish_tracego_needs_command" -l seal-key -d 'Sign seals with this Ed25519 key: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` makes it. Its file must be closed to others' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file; may be given several times (docs/policies.md). With --enforce kill or deny a start that is not allowed is ended' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-key -d 'Take only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-algorithm -d 'How they are signed' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: whoever can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_needs_command" -l policy-on-error -d 'What a policy that fails or takes too long says about a start' -r -f -a "allow\t'It is allowed: a broken policy stops nobody'
deny\t'It is not: only by choice'"
complete -c tracego -n "__fish_tracego_needs_command" -l policy-time-limit -d 'Milliseconds that the bundles together may take for a decision' -r
complete -c tracego -n "__fish_tracego_needs_command" -l decision-log -d 'Write each decision of a policy to this file, too, as OPA logs it' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l decision-log-mask -d 'Leave out of --decision-log what this JSON pointer points to (/input/process/command_args); may be given several times' -r
complete -c tracego -n "__fish_tracego_needs_command" -l config -d 'Take options from this TOML file: a key is the long name of an option (ring-size = "16M"). A variable TRACEGO_RING_SIZE wins over it, an option on the command line wins over both; --env adds up' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l ring-size -d 'Bytes of the ring buffer between kernel and agent; a power of two. It takes the room twice in the resident set' -r
complete -c tracego -n "__fish_tracego_needs_command" -l argv-max -d 'Bytes of arguments that are kept; the true number is in every record' -r
complete -c tracego -n "__fish_tracego_needs_command" -l uid -d 'Only processes of this real user id' -r
complete -c tracego -n "__fish_tracego_needs_command" -l comm -d 'Only processes with this task name (at most 15 bytes)' -r
complete -c tracego -n "__fish_tracego_needs_command" -l cgroup -d 'Only processes in this cgroup or below: a folder below /sys/fs/cgroup' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l heartbeat -d 'Seconds between two `tracego.heartbeat` records; 0 for none' -r
complete -c tracego -n "__fish_tracego_needs_command" -l listen -d 'Answer /metrics (for Prometheus), /livez and /readyz here: a port of this machine (9470), IP:PORT, or unix:/PATH, a socket of mode 0660. There is no password and no encryption: other machines are answered only at an IP that they reach, and tracego says so at its start' -r
complete -c tracego -n "__fish_tracego_needs_command" -l enforce -d 'Stop program starts that a rule in the table enforce of the configuration matches; without rules there, `go run` in CI jobs (with `run`: anywhere in the command\'s tree). docs/enforcement.md says what each mode covers' -r -f -a "off\t'Nothing is decided'
audit\t'What would be stopped is told, and runs'
kill\t'A program that a rule stops is ended before its first instruction'
deny\t'execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say so'"
complete -c tracego -n "__fish_tracego_needs_command" -l handover -d 'Leave the programs attached and the ring in place for the next tracego, which takes over without a gap. crash: when this one is killed. always: also when it ends in order, for a restart or an upgrade; `tracego detach` ends it. none (the default; written out it also removes what another one left)' -r -f -a "none\t'Nothing'
crash\t'Programs and ring, where this one was killed'
always\t'Programs and ring'"
complete -c tracego -n "__fish_tracego_needs_command" -l pin-dir -d 'Where that is kept: a folder in a BPF file system, of this tracego alone' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l duration -d 'End after so many seconds' -r
complete -c tracego -n "__fish_tracego_needs_command" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_needs_command" -s V -l version -d 'Print version'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "run" -d 'Watch one command and its descendants; ends with its exit status'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "capture" -d 'Write raw kernel records to a file, for `replay`'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "replay" -d 'Turn a captured file into records, without root: the same records as at the time'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "doctor" -d 'Try what this kernel and this user allow; ends with 0 when the main job runs here, else with 3'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "inspect" -d 'What executables say about themselves: how Go built them and how they are linked. Ends with 1 when a file could not be read; the others are shown'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "rules" -d 'What tracego finds: list the rules, or explain one'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "policy" -d 'Policies in Rego: check bundles, run their tests, ask them about a record, or measure them'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "spool" -d 'Look at the queues of records that wait for a sink (--spool-dir), or empty one'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "config" -d 'Check a configuration, or show the options in force and where each comes from'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "detach" -d 'Detach the programs that a tracego with --handover left attached, and remove what it left. What is in their ring is lost; how much is said'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "verify-log" -d 'Check logs that were written with --seal: that no record was changed, removed, moved or added'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand run" -s e -l event -d 'Events to write. `execve` stands for execve and execveat. `execve-failed` needs tracefs and makes every system call of the machine a little slower (getppid: 169 ns → 210 ns)' -r -f -a "execve\t'A program was started'
exit\t'A process ended'
fork\t'A process was made'
execve-failed\t'A program could not be started'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l env -d 'KEY=VALUE: put this into every record. KEY: take the process\'s own value. Repeatable. The variables of known CI systems are always taken, and those that rules look at, which records do not show. No other variable leaves a process' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l output -d 'json: one object a line. text: for people. otlp: to an OpenTelemetry collector, as --otlp-endpoint or the variables OTEL_EXPORTER_OTLP_* say. Default: text on a terminal, else json; nothing where the configuration has sinks' -r -f -a "json\t'One JSON object a line'
text\t'For people'
otlp\t'To an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l otlp-endpoint -d 'The collector for --output otlp, --otlp-traces and --otlp-metrics: http://localhost:4318 unless this or OTEL_EXPORTER_OTLP_ENDPOINT says otherwise. OTEL_EXPORTER_OTLP_PROTOCOL chooses grpc (port 4317), http/protobuf or http/json' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l otlp-traces -d 'Send each CI job as one trace: a span a process, findings as events. The collector is that of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. What it does not take within five minutes is dropped and counted: spans are no audit trail' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l otlp-metrics -d 'Push what /metrics shows, every 60 seconds or as OTEL_METRIC_EXPORT_INTERVAL says, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l spool-dir -d 'Records that wait for a sink are kept in this folder, and survive a restart, a kill and a power loss. Without it they wait in memory' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l format -d 'What events are written as, one a line, whatever --output says. docs/formats.md has what each loses' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l output-file -d 'Append records to this file (made with mode 0600) instead of standard output' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l tree -d 'Indent text by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l color -d 'Colours in text' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l profile -d 'Which defaults rules take. auto: each process by its variables, container and unit. ci: all is a CI job. production: all that is no CI job is production. developer: nothing is production' -r -f -a "auto\t'Each process for itself: a CI job by its variables, production by container or system service'
ci\t'Everything that is seen belongs to a CI job'
production\t'Everything that is no CI job is production'
developer\t'Nothing is production unless the configuration names it'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l only-findings -d 'Write records of processes only when something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l min-severity -d 'Write records of processes only with a finding that is at least so bad: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'To be mended'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l seal -d 'Write down in the log itself what shows that it is whole, for `tracego verify-log`: each record is linked to those before it, and a tracego.seal record says how many there are. Only with JSON' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l seal-interval -d 'Seconds between two seals; a job and the run get one at their end' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l seal-key -d 'Sign seals with this Ed25519 key: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` makes it. Its file must be closed to others' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file; may be given several times (docs/policies.md). With --enforce kill or deny a start that is not allowed is ended' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-key -d 'Take only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-algorithm -d 'How they are signed' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: whoever can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-on-error -d 'What a policy that fails or takes too long says about a start' -r -f -a "allow\t'It is allowed: a broken policy stops nobody'
deny\t'It is not: only by choice'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-time-limit -d 'Milliseconds that the bundles together may take for a decision' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l decision-log -d 'Write each decision of a policy to this file, too, as OPA logs it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l decision-log-mask -d 'Leave out of --decision-log what this JSON pointer points to (/input/process/command_args); may be given several times' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l config -d 'Take options from this TOML file: a key is the long name of an option (ring-size = "16M"). A variable TRACEGO_RING_SIZE wins over it, an option on the command line wins over both; --env adds up' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l ring-size -d 'Bytes of the ring buffer between kernel and agent; a power of two. It takes the room twice in the resident set' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l argv-max -d 'Bytes of arguments that are kept; the true number is in every record' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l uid -d 'Only processes of this real user id' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l comm -d 'Only processes with this task name (at most 15 bytes)' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l cgroup -d 'Only processes in this cgroup or below: a folder below /sys/fs/cgroup' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l heartbeat -d 'Seconds between two `tracego.heartbeat` records; 0 for none' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l listen -d 'Answer /metrics (for Prometheus), /livez and /readyz here: a port of this machine (9470), IP:PORT, or unix:/PATH, a socket of mode 0660. There is no password and no encryption: other machines are answered only at an IP that they reach, and tracego says so at its start' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l enforce -d 'Stop program starts that a rule in the table enforce of the configuration matches; without rules there, `go run` in CI jobs (with `run`: anywhere in the command\'s tree). docs/enforcement.md says what each mode covers' -r -f -a "off\t'Nothing is decided'
audit\t'What would be stopped is told, and runs'
kill\t'A program that a rule stops is ended before its first instruction'
deny\t'execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say so'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l handover -d 'Leave the programs attached and the ring in place for the next tracego, which takes over without a gap. crash: when this one is killed. always: also when it ends in order, for a restart or an upgrade; `tracego detach` ends it. none (the default; written out it also removes what another one left)' -r -f -a "none\t'Nothing'
crash\t'Programs and ring, where this one was killed'
always\t'Programs and ring'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l pin-dir -d 'Where that is kept: a folder in a BPF file system, of this tracego alone' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l duration -d 'End after so many seconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l fail-on -d 'End with 5 when something so bad was found and the command itself succeeded: low, medium, high, critical, or never. Default: high with --profile ci, else never' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l wait -d 'Wait for descendants that outlive the command'
complete -c tracego -n "__fish_tracego_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand capture" -s e -l event -d 'Events to write. `execve` stands for execve and execveat. `execve-failed` needs tracefs and makes every system call of the machine a little slower (getppid: 169 ns → 210 ns)' -r -f -a "execve\t'A program was started'
exit\t'A process ended'
fork\t'A process was made'
execve-failed\t'A program could not be started'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l env -d 'KEY=VALUE: put this into every record. KEY: take the process\'s own value. Repeatable. The variables of known CI systems are always taken, and those that rules look at, which records do not show. No other variable leaves a process' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l output -d 'json: one object a line. text: for people. otlp: to an OpenTelemetry collector, as --otlp-endpoint or the variables OTEL_EXPORTER_OTLP_* say. Default: text on a terminal, else json; nothing where the configuration has sinks' -r -f -a "json\t'One JSON object a line'
text\t'For people'
otlp\t'To an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l otlp-endpoint -d 'The collector for --output otlp, --otlp-traces and --otlp-metrics: http://localhost:4318 unless this or OTEL_EXPORTER_OTLP_ENDPOINT says otherwise. OTEL_EXPORTER_OTLP_PROTOCOL chooses grpc (port 4317), http/protobuf or http/json' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l otlp-traces -d 'Send each CI job as one trace: a span a process, findings as events. The collector is that of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. What it does not take within five minutes is dropped and counted: spans are no audit trail' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l otlp-metrics -d 'Push what /metrics shows, every 60 seconds or as OTEL_METRIC_EXPORT_INTERVAL says, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l spool-dir -d 'Records that wait for a sink are kept in this folder, and survive a restart, a kill and a power loss. Without it they wait in memory' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l format -d 'What events are written as, one a line, whatever --output says. docs/formats.md has what each loses' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l output-file -d 'Append records to this file (made with mode 0600) instead of standard output' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l tree -d 'Indent text by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l color -d 'Colours in text' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l profile -d 'Which defaults rules take. auto: each process by its variables, container and unit. ci: all is a CI job. production: all that is no CI job is production. developer: nothing is production' -r -f -a "auto\t'Each process for itself: a CI job by its variables, production by container or system service'
ci\t'Everything that is seen belongs to a CI job'
production\t'Everything that is no CI job is production'
developer\t'Nothing is production unless the configuration names it'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l only-findings -d 'Write records of processes only when something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l min-severity -d 'Write records of processes only with a finding that is at least so bad: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'To be mended'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l seal -d 'Write down in the log itself what shows that it is whole, for `tracego verify-log`: each record is linked to those before it, and a tracego.seal record says how many there are. Only with JSON' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l seal-interval -d 'Seconds between two seals; a job and the run get one at their end' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l seal-key -d 'Sign seals with this Ed25519 key: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` makes it. Its file must be closed to others' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file; may be given several times (docs/policies.md). With --enforce kill or deny a start that is not allowed is ended' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-key -d 'Take only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-algorithm -d 'How they are signed' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: whoever can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-on-error -d 'What a policy that fails or takes too long says about a start' -r -f -a "allow\t'It is allowed: a broken policy stops nobody'
deny\t'It is not: only by choice'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-time-limit -d 'Milliseconds that the bundles together may take for a decision' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l decision-log -d 'Write each decision of a policy to this file, too, as OPA logs it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l decision-log-mask -d 'Leave out of --decision-log what this JSON pointer points to (/input/process/command_args); may be given several times' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l config -d 'Take options from this TOML file: a key is the long name of an option (ring-size = "16M"). A variable TRACEGO_RING_SIZE wins over it, an option on the command line wins over both; --env adds up' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l ring-size -d 'Bytes of the ring buffer between kernel and agent; a power of two. It takes the room twice in the resident set' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l argv-max -d 'Bytes of arguments that are kept; the true number is in every record' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l uid -d 'Only processes of this real user id' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l comm -d 'Only processes with this task name (at most 15 bytes)' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l cgroup -d 'Only processes in this cgroup or below: a folder below /sys/fs/cgroup' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l heartbeat -d 'Seconds between two `tracego.heartbeat` records; 0 for none' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l listen -d 'Answer /metrics (for Prometheus), /livez and /readyz here: a port of this machine (9470), IP:PORT, or unix:/PATH, a socket of mode 0660. There is no password and no encryption: other machines are answered only at an IP that they reach, and tracego says so at its start' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l enforce -d 'Stop program starts that a rule in the table enforce of the configuration matches; without rules there, `go run` in CI jobs (with `run`: anywhere in the command\'s tree). docs/enforcement.md says what each mode covers' -r -f -a "off\t'Nothing is decided'
audit\t'What would be stopped is told, and runs'
kill\t'A program that a rule stops is ended before its first instruction'
deny\t'execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say so'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l handover -d 'Leave the programs attached and the ring in place for the next tracego, which takes over without a gap. crash: when this one is killed. always: also when it ends in order, for a restart or an upgrade; `tracego detach` ends it. none (the default; written out it also removes what another one left)' -r -f -a "none\t'Nothing'
crash\t'Programs and ring, where this one was killed'
always\t'Programs and ring'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l pin-dir -d 'Where that is kept: a folder in a BPF file system, of this tracego alone' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l duration -d 'End after so many seconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand replay" -s e -l event -d 'Events to write. `execve` stands for execve and execveat. `execve-failed` needs tracefs and makes every system call of the machine a little slower (getppid: 169 ns → 210 ns)' -r -f -a "execve\t'A program was started'
exit\t'A process ended'
fork\t'A process was made'
execve-failed\t'A program could not be started'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l env -d 'KEY=VALUE: put this into every record. KEY: take the process\'s own value. Repeatable. The variables of known CI systems are always taken, and those that rules look at, which records do not show. No other variable leaves a process' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l output -d 'json: one object a line. text: for people. otlp: to an OpenTelemetry collector, as --otlp-endpoint or the variables OTEL_EXPORTER_OTLP_* say. Default: text on a terminal, else json; nothing where the configuration has sinks' -r -f -a "json\t'One JSON object a line'
text\t'For people'
otlp\t'To an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l otlp-endpoint -d 'The collector for --output otlp, --otlp-traces and --otlp-metrics: http://localhost:4318 unless this or OTEL_EXPORTER_OTLP_ENDPOINT says otherwise. OTEL_EXPORTER_OTLP_PROTOCOL chooses grpc (port 4317), http/protobuf or http/json' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l otlp-traces -d 'Send each CI job as one trace: a span a process, findings as events. The collector is that of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_TRACES_*. What it does not take within five minutes is dropped and counted: spans are no audit trail' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l otlp-metrics -d 'Push what /metrics shows, every 60 seconds or as OTEL_METRIC_EXPORT_INTERVAL says, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l spool-dir -d 'Records that wait for a sink are kept in this folder, and survive a restart, a kill and a power loss. Without it they wait in memory' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l format -d 'What events are written as, one a line, whatever --output says. docs/formats.md has what each loses' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l output-file -d 'Append records to this file (made with mode 0600) instead of standard output' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l tree -d 'Indent text by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l color -d 'Colours in text' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l profile -d 'Which defaults rules take. auto: each process by its variables, container and unit. ci: all is a CI job. production: all that is no CI job is production. developer: nothing is production' -r -f -a "auto\t'Each process for itself: a CI job by its variables, production by container or system service'
ci\t'Everything that is seen belongs to a CI job'
production\t'Everything that is no CI job is production'
developer\t'Nothing is production unless the configuration names it'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l only-findings -d 'Write records of processes only when something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l min-severity -d 'Write records of processes only with a finding that is at least so bad: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'To be mended'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l seal -d 'Write down in the log itself what shows that it is whole, for `tracego verify-log`: each record is linked to those before it, and a tracego.seal record says how many there are. Only with JSON' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l seal-interval -d 'Seconds between two seals; a job and the run get one at their end' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l seal-key -d 'Sign seals with this Ed25519 key: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` makes it. Its file must be closed to others' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file; may be given several times (docs/policies.md). With --enforce kill or deny a start that is not allowed is ended' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-key -d 'Take only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-algorithm -d 'How they are signed' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: whoever can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-on-error -d 'What a policy that fails or takes too long says about a start' -r -f -a "allow\t'It is allowed: a broken policy stops nobody'
deny\t'It is not: only by choice'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-time-limit -d 'Milliseconds that the bundles together may take for a decision' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l decision-log -d 'Write each decision of a policy to this file, too, as OPA logs it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l decision-log-mask -d 'Leave out of --decision-log what this JSON pointer points to (/input/process/command_args); may be given several times' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l config -d 'Take options from this TOML file: a key is the long name of an option (ring-size = "16M"). A variable TRACEGO_RING_SIZE wins over it, an option on the command line wins over both; --env adds up' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -l json -d 'The report as one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -l output -d 'json: one object a file and line. text: for people. Default: text on a terminal, else json' -r -f -a "json\t'One JSON object a line'
text\t'For people'"
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -f -a "list" -d 'All rules, a line each'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -f -a "explain" -d 'What a rule means, how bad each of its cases is where, how to mend it, and its settings'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l config -d 'Say which are off in this TOML file' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l json -d 'All that is known about them, as one JSON array'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -l json -d 'As one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "list" -d 'All rules, a line each'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "explain" -d 'What a rule means, how bad each of its cases is where, how to mend it, and its settings'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "check" -d 'Load bundles as tracego would, and say what is wrong with them, by file and line; ends with 1 if something is'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "test" -d 'Run the tests of bundles: rules named test_…; ends with 1 when one fails. Or, with --records, say what the bundles would have decided about the program starts of a log'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "eval" -d 'Ask bundles about one record, and show which rules hold; ends with 1 when an evaluation fails, whatever else is decided with 0'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "bench" -d 'Measure how long a decision takes here, remembered and not'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "sign" -d 'Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then holds it to. Every change of a file makes a new signature necessary'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l json -d 'The report as one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l records -d 'Decide about the program starts of this log, as --output json writes it; - is standard input' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l first -d 'How many of the starts that are not allowed to show' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l time-limit -d 'Milliseconds that a decision may take' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l on-error -d 'What an evaluation that fails says about a start' -r -f -a "allow\t'It is allowed: a broken policy stops nobody'
deny\t'It is not: only by choice'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l coverage -d 'Which lines the tests came by'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l json -d 'The report as one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l input -d 'The record, as --output json writes it; - is standard input' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l time-limit -d 'Milliseconds that a decision may take' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l on-error -d 'What an evaluation that fails says about a start' -r -f -a "allow\t'It is allowed: a broken policy stops nobody'
deny\t'It is not: only by choice'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l output -d 'json: one object. text: for people' -r -f -a "json\t'One JSON object a line'
text\t'For people'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l records -d 'Decide about the program starts of this log, as --output json writes it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l input -d 'Decide about this record' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l json -d 'The report as one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l key -d 'The private key in PEM (PKCS #8), or the secret of HS256' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l algorithm -d 'How to sign' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: whoever can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l key-id -d 'The name of the key, for whoever reads the signature' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l days -d 'Days that the signature counts; without it, it does not end' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "check" -d 'Load bundles as tracego would, and say what is wrong with them, by file and line; ends with 1 if something is'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "test" -d 'Run the tests of bundles: rules named test_…; ends with 1 when one fails. Or, with --records, say what the bundles would have decided about the program starts of a log'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "eval" -d 'Ask bundles about one record, and show which rules hold; ends with 1 when an evaluation fails, whatever else is decided with 0'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "bench" -d 'Measure how long a decision takes here, remembered and not'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "sign" -d 'Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then holds it to. Every change of a file makes a new signature necessary'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "ls" -d 'Show what waits, and in which files. Changes nothing; also while tracego runs'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "verify" -d 'Read everything and say what is damaged or missing; ends with 1 if something is. Changes nothing'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "drain" -d 'Write every record that waits to standard output, a line each, and acknowledge what was written. Ends with 4 where records were missing. tracego must not have the folder in use'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -l json -d 'JSON, one object a line'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -l json -d 'JSON, one object a line'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -l json -d 'JSON, one object a line'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "ls" -d 'Show what waits, and in which files. Changes nothing; also while tracego runs'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read everything and say what is damaged or missing; ends with 1 if something is. Changes nothing'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "drain" -d 'Write every record that waits to standard output, a line each, and acknowledge what was written. Ends with 4 where records were missing. tracego must not have the folder in use'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Read a file as tracego would, and say what is wrong; ends with 2 if something is. Nothing is opened or connected to but the certificates and keys that it names'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Show each option, its value and where it comes from, as a file that says the same. Values of headers and other secrets are left out'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from check" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'As one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read a file as tracego would, and say what is wrong; ends with 2 if something is. Nothing is opened or connected to but the certificates and keys that it names'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show each option, its value and where it comes from, as a file that says the same. Values of headers and other secrets are left out'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand detach" -l pin-dir -d 'Where the programs are kept, as tracego was told' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand detach" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand detach" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l key -d 'The public key of the seals, in PEM: each must be signed with it. Without it signatures are not checked' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l log -d 'What tracego says about itself on standard error: a level (error, warn, info, debug, trace) or a list of TARGET=LEVEL; tracego_ebpf=debug turns on the diagnostics of the kernel side' -r
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l json -d 'The report as one JSON object'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l partial -d 'The oldest records are no longer there: the log may begin in the middle of a run. Its first record is taken as it is'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -s h -l help -d 'Print help'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "run" -d 'Watch one command and its descendants; ends with its exit status'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "capture" -d 'Write raw kernel records to a file, for `replay`'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "replay" -d 'Turn a captured file into records, without root: the same records as at the time'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "doctor" -d 'Try what this kernel and this user allow; ends with 0 when the main job runs here, else with 3'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "inspect" -d 'What executables say about themselves: how Go built them and how they are linked. Ends with 1 when a file could not be read; the others are shown'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "rules" -d 'What tracego finds: list the rules, or explain one'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "policy" -d 'Policies in Rego: check bundles, run their tests, ask them about a record, or measure them'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "spool" -d 'Look at the queues of records that wait for a sink (--spool-dir), or empty one'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "config" -d 'Check a configuration, or show the options in force and where each comes from'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "detach" -d 'Detach the programs that a tracego with --handover left attached, and remove what it left. What is in their ring is lost; how much is said'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "verify-log" -d 'Check logs that were written with --seal: that no record was changed, removed, moved or added'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules policy spool config detach verify-log help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "list" -d 'All rules, a line each'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "explain" -d 'What a rule means, how bad each of its cases is where, how to mend it, and its settings'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "check" -d 'Load bundles as tracego would, and say what is wrong with them, by file and line; ends with 1 if something is'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "test" -d 'Run the tests of bundles: rules named test_…; ends with 1 when one fails. Or, with --records, say what the bundles would have decided about the program starts of a log'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "eval" -d 'Ask bundles about one record, and show which rules hold; ends with 1 when an evaluation fails, whatever else is decided with 0'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "bench" -d 'Measure how long a decision takes here, remembered and not'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "sign" -d 'Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then holds it to. Every change of a file makes a new signature necessary'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "ls" -d 'Show what waits, and in which files. Changes nothing; also while tracego runs'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "verify" -d 'Read everything and say what is damaged or missing; ends with 1 if something is. Changes nothing'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "drain" -d 'Write every record that waits to standard output, a line each, and acknowledge what was written. Ends with 4 where records were missing. tracego must not have the folder in use'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Read a file as tracego would, and say what is wrong; ends with 2 if something is. Nothing is opened or connected to but the certificates and keys that it names'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show each option, its value and where it comes from, as a file that says the same. Values of headers and other secrets are left out'
