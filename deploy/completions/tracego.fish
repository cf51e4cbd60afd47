# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tracego_global_optspecs
    string join \n e/event= env= output= otlp-endpoint= otlp-traces= otlp-metrics= spool-dir= format= detail= modules= aggregate= fields= drop= output-file= tree= color= raw-args= profile= only-findings= min-severity= seal= seal-interval= seal-key= policy= policy-key= policy-algorithm= policy-ca= policy-cert= policy-cert-key= policy-token= policy-cache= policy-poll-min= policy-poll-max= policy-wait= policy-rollback= policy-on-error= policy-time-limit= decision-log= decision-log-mask= config= ring-size= argv-max= uid= comm= cgroup= heartbeat= listen= enforce= handover= host-name= host-id= host-label= kubernetes= kubernetes-labels= kubernetes-annotations= kubernetes-api= kubernetes-ca= kubernetes-token= config-watch= inventory= digest= digest-max-size= digest-rate= pin-dir= keep-privileges= duration= log= q/quiet= h/help V/version
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

complete -c tracego -n "__fish_tracego_needs_command" -s e -l event -d 'Events to write' -r -f -a "execve\t'A program was executed'
exit\t'A process ended'
fork\t'A process was created'
execve-failed\t'A program could not be executed'"
complete -c tracego -n "__fish_tracego_needs_command" -l env -d 'Put KEY=VALUE into every record, or with KEY alone the process\'s own value; repeatable' -r
complete -c tracego -n "__fish_tracego_needs_command" -l output -d 'Form and target of records' -r -f -a "json\t'One JSON object per line'
text\t'Text for people'
otlp\t'Records to an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_needs_command" -l otlp-endpoint -d 'Collector for --output otlp, --otlp-traces and --otlp-metrics' -r
complete -c tracego -n "__fish_tracego_needs_command" -l otlp-traces -d 'Send each CI job as one trace: one span per process, findings as events' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l otlp-metrics -d 'Push the metrics of /metrics, every 60 seconds or as set by OTEL_METRIC_EXPORT_INTERVAL, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l spool-dir -d 'Keep records that wait for a sink in this folder, so that they survive a restart, a kill and a power loss' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l format -d 'Format of events, one per line, whatever --output is' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_needs_command" -l detail -d 'Members of a record that are written' -r -f -a "lean\t'Parts that many records share are written once, and referred to'
full\t'Each record holds everything'"
complete -c tracego -n "__fish_tracego_needs_command" -l modules -d 'Write a record of each executable that starts, with the modules of Go and the libraries that it names' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l aggregate -d 'Make one record of the start and the exit of a process that ends within a second' -r -f -a "exits\t'The exit of a process, with its start'"
complete -c tracego -n "__fish_tracego_needs_command" -l fields -d 'Write these members of records of processes and those that every record keeps, separated by commas' -r
complete -c tracego -n "__fish_tracego_needs_command" -l drop -d 'Write all members of records of processes but these, separated by commas' -r
complete -c tracego -n "__fish_tracego_needs_command" -l output-file -d 'Append records to this file (created with mode 0600) instead of standard output. `-` is refused' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l tree -d 'Indent text output by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l color -d 'Use colours in text output' -r -f -a "auto\t'Colours on a terminal, unless NO_COLOR is set'
always\t'Colours always'
never\t'Colours never'"
complete -c tracego -n "__fish_tracego_needs_command" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l profile -d 'Environment whose defaults the rules take' -r -f -a "auto\t'Each process on its own: a CI job by its variables, production by container or system service'
ci\t'Every process belongs to a CI job'
production\t'Every process outside of a CI job is production'
developer\t'Only what the configuration names is production'"
complete -c tracego -n "__fish_tracego_needs_command" -l only-findings -d 'Write records of processes only if something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l min-severity -d 'Write records of processes only if they have a finding of at least this severity: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'Should be fixed'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_needs_command" -l seal -d 'Seal the log for `tracego verify-log`: each record is linked to those before it, and tracego.seal records hold their number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l seal-interval -d 'Time between two seals, 1s to 1d; a finding and a stop get one at once, a job and the run at their end' -r
complete -c tracego -n "__fish_tracego_needs_command" -l seal-key -d 'Sign seals with this key' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file, or the https URL of a signed .tar.gz, which is asked for again while tracego watches; repeatable (docs/policies.md)' -r
complete -c tracego -n "__fish_tracego_needs_command" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_needs_command" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-cache -d 'Keep the last good bundle of each URL in this folder, for a start without the server' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l policy-poll-min -d 'Shortest pause between two requests for a bundle, in seconds. Each pause is random, up to --policy-poll-max' -r
complete -c tracego -n "__fish_tracego_needs_command" -l policy-poll-max -d 'Longest pause between two requests for a bundle, in seconds' -r
complete -c tracego -n "__fish_tracego_needs_command" -l policy-wait -d 'Longest wait at the start for a bundle that is not in --policy-cache, in seconds. Then tracego ends with 1' -r
complete -c tracego -n "__fish_tracego_needs_command" -l policy-rollback -d 'Accept a bundle from a URL that is older than the one in force, or has no serial number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l policy-on-error -d 'Decision about a start if a policy fails or takes too long. With allow, a run with such a start ends with 4' -r -f -a "allow\t'Allow the program: a broken policy stops nothing'
deny\t'Deny the program: only by explicit choice'"
complete -c tracego -n "__fish_tracego_needs_command" -l policy-time-limit -d 'Maximum time of a decision by all bundles together, in milliseconds' -r
complete -c tracego -n "__fish_tracego_needs_command" -l decision-log -d 'Write each policy decision to this file, too, in OPA\'s format of decision logs' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l decision-log-mask -d 'Leave out of --decision-log the value at this JSON pointer (/input/process/command_args); repeatable' -r
complete -c tracego -n "__fish_tracego_needs_command" -l config -d 'Read options from this TOML file: a key is the long name of an option (ring-size = "16M")' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l ring-size -d 'Size of the ring buffer between kernel and agent in bytes; a power of two' -r
complete -c tracego -n "__fish_tracego_needs_command" -l argv-max -d 'Maximum number of argument bytes kept; the true number is in every record' -r
complete -c tracego -n "__fish_tracego_needs_command" -l uid -d 'Watch only processes of this real user id' -r
complete -c tracego -n "__fish_tracego_needs_command" -l comm -d 'Watch only processes with this task name (at most 15 bytes)' -r
complete -c tracego -n "__fish_tracego_needs_command" -l cgroup -d 'Watch only processes in this cgroup or below: a folder below /sys/fs/cgroup' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l heartbeat -d 'Time between two `tracego.heartbeat` records, such as 30s or 5m; 0 for none' -r
complete -c tracego -n "__fish_tracego_needs_command" -l listen -d 'Serve /metrics (for Prometheus), /livez and /readyz on this address: a port of this machine (9470), IP:PORT, or unix:/PATH, a socket of mode 0660' -r
complete -c tracego -n "__fish_tracego_needs_command" -l enforce -d 'Stop program starts that match a rule in the table enforce of the configuration; without rules there, `go run` in CI jobs (with `run`: anywhere in the command\'s tree)' -r -f -a "off\t'No decisions are made'
audit\t'Starts that would be stopped are reported, and run'
kill\t'A program that a rule stops is killed before its first instruction'
deny\t'execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say so'"
complete -c tracego -n "__fish_tracego_needs_command" -l handover -d 'Leave the programs attached and the ring in place for the next tracego, which takes over without a gap' -r -f -a "none\t'Leave nothing'
crash\t'Leave programs and ring if this tracego is killed'
always\t'Leave programs and ring'"
complete -c tracego -n "__fish_tracego_needs_command" -l host-name -d 'Name of the machine in records (`host.name`)' -r
complete -c tracego -n "__fish_tracego_needs_command" -l host-id -d 'Id of the machine in records (`host.id`), for machines that were cloned with their /etc/machine-id' -r
complete -c tracego -n "__fish_tracego_needs_command" -l host-label -d 'Label of the machine, such as `role=builder`; repeatable, up to 32 times' -r
complete -c tracego -n "__fish_tracego_needs_command" -l kubernetes -d 'Ask the Kubernetes API which pods run on this node: records get their names and workloads, and the CI jobs that their labels and annotations name' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l kubernetes-labels -d 'Labels of pods that records show, separated by commas; `*` at the end of one stands for any more' -r
complete -c tracego -n "__fish_tracego_needs_command" -l kubernetes-annotations -d 'Annotations of pods that records show, like --kubernetes-labels. Annotations may hold secrets' -r
complete -c tracego -n "__fish_tracego_needs_command" -l kubernetes-api -d 'Address of the Kubernetes API, such as <https://10.0.0.1:6443>. Default: that of the cluster that tracego runs in' -r
complete -c tracego -n "__fish_tracego_needs_command" -l kubernetes-ca -d 'Certificates in PEM that the Kubernetes API is trusted by. Default: those of the service account' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l kubernetes-token -d 'File with the token for the Kubernetes API, read for each request. Default: that of the service account' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l config-watch -d 'Reload when the configuration changes, as SIGHUP does: within two seconds after the last change' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l inventory -d 'Judge the Go programs that run already, as far as /proc says what rules need' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l digest -d 'Hash the files that are executed (SHA-256), each once, in a process beside tracego' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l digest-max-size -d 'Maximum size of a file that is hashed; a larger one has no digest' -r
complete -c tracego -n "__fish_tracego_needs_command" -l digest-rate -d 'Maximum number of bytes that are hashed in a second' -r
complete -c tracego -n "__fish_tracego_needs_command" -l pin-dir -d 'Folder for the programs and the ring: in a BPF file system, used by this tracego alone' -r -F
complete -c tracego -n "__fish_tracego_needs_command" -l keep-privileges -d 'Keep all capabilities and system calls for as long as tracego runs' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -l duration -d 'End after this time, such as 30s, 5m or 12h' -r
complete -c tracego -n "__fish_tracego_needs_command" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_needs_command" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_needs_command" -s V -l version -d 'Print version'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "run" -d 'Watch one command and its descendants; ends with the command\'s exit status'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "capture" -d 'Write raw kernel events to a file, for `replay`'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "replay" -d 'Turn a captured file into records, without root: the same records as in the original run'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "doctor" -d 'Check what this kernel and this user allow; ends with 0 if the main job runs here, else with 3'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "inspect" -d 'Show what executables contain: how Go built them and how they are linked. Ends with 1 if a file could not be read; the others are shown'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "rules" -d 'List the rules that tracego checks, or explain one'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "scan" -d 'Find go run, and what else the rules are about, in the files of a source tree, before anything runs'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "policy" -d 'Work with Rego policies: check bundles, run their tests, evaluate them on a record, or measure them'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "provenance" -d 'Say which build a file comes from, proven by signatures and without network'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "spool" -d 'Show the queues of records that wait for a sink (--spool-dir), or empty one'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "config" -d 'Check a configuration, or show the options in force and where each comes from'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "detach" -d 'Detach the programs that a tracego with --handover left attached, and remove its files. Events in the ring are lost; their number is printed'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "seal-key" -d 'Create a key for --seal-key that evolves: each seal ends the use of its key, so that nobody can sign earlier seals again. Prints the public key for `verify-log --key`, which belongs to another machine'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "verify-log" -d 'Verify logs that were written with --seal: that no record was changed, removed, moved or added, and that each file has the records that its lean records refer to'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "report" -d 'Write a report about the records of a job: a summary for GitHub, test results, a trace, and what is new since earlier runs. Needs no root'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "diff" -d 'Compare the processes of two runs: which are new, gone, slower, or run by another user'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "show" -d 'Print records as text for people, as the live output does'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "top" -d 'Show what runs now, by job: rates, losses and findings, in the terminal'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "sbom" -d 'Write the bill of materials of the programs that ran, from their records, or of executables: the Go modules in them, and which of those have known vulnerabilities. Needs no root'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "attest" -d 'Write a statement of in-toto about artifacts: what ran while they were made, from its records, with findings and with what is missing; or another predicate. Signs it with a key. Needs no root'
complete -c tracego -n "__fish_tracego_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand run" -s e -l event -d 'Events to write' -r -f -a "execve\t'A program was executed'
exit\t'A process ended'
fork\t'A process was created'
execve-failed\t'A program could not be executed'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l env -d 'Put KEY=VALUE into every record, or with KEY alone the process\'s own value; repeatable' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l output -d 'Form and target of records' -r -f -a "json\t'One JSON object per line'
text\t'Text for people'
otlp\t'Records to an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l otlp-endpoint -d 'Collector for --output otlp, --otlp-traces and --otlp-metrics' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l otlp-traces -d 'Send each CI job as one trace: one span per process, findings as events' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l otlp-metrics -d 'Push the metrics of /metrics, every 60 seconds or as set by OTEL_METRIC_EXPORT_INTERVAL, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l spool-dir -d 'Keep records that wait for a sink in this folder, so that they survive a restart, a kill and a power loss' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l format -d 'Format of events, one per line, whatever --output is' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l detail -d 'Members of a record that are written' -r -f -a "lean\t'Parts that many records share are written once, and referred to'
full\t'Each record holds everything'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l modules -d 'Write a record of each executable that starts, with the modules of Go and the libraries that it names' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l aggregate -d 'Make one record of the start and the exit of a process that ends within a second' -r -f -a "exits\t'The exit of a process, with its start'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l fields -d 'Write these members of records of processes and those that every record keeps, separated by commas' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l drop -d 'Write all members of records of processes but these, separated by commas' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l output-file -d 'Append records to this file (created with mode 0600) instead of standard output. `-` is refused' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l tree -d 'Indent text output by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l color -d 'Use colours in text output' -r -f -a "auto\t'Colours on a terminal, unless NO_COLOR is set'
always\t'Colours always'
never\t'Colours never'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l profile -d 'Environment whose defaults the rules take' -r -f -a "auto\t'Each process on its own: a CI job by its variables, production by container or system service'
ci\t'Every process belongs to a CI job'
production\t'Every process outside of a CI job is production'
developer\t'Only what the configuration names is production'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l only-findings -d 'Write records of processes only if something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l min-severity -d 'Write records of processes only if they have a finding of at least this severity: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'Should be fixed'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l seal -d 'Seal the log for `tracego verify-log`: each record is linked to those before it, and tracego.seal records hold their number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l seal-interval -d 'Time between two seals, 1s to 1d; a finding and a stop get one at once, a job and the run at their end' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l seal-key -d 'Sign seals with this key' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file, or the https URL of a signed .tar.gz, which is asked for again while tracego watches; repeatable (docs/policies.md)' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-cache -d 'Keep the last good bundle of each URL in this folder, for a start without the server' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-poll-min -d 'Shortest pause between two requests for a bundle, in seconds. Each pause is random, up to --policy-poll-max' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-poll-max -d 'Longest pause between two requests for a bundle, in seconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-wait -d 'Longest wait at the start for a bundle that is not in --policy-cache, in seconds. Then tracego ends with 1' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-rollback -d 'Accept a bundle from a URL that is older than the one in force, or has no serial number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-on-error -d 'Decision about a start if a policy fails or takes too long. With allow, a run with such a start ends with 4' -r -f -a "allow\t'Allow the program: a broken policy stops nothing'
deny\t'Deny the program: only by explicit choice'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l policy-time-limit -d 'Maximum time of a decision by all bundles together, in milliseconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l decision-log -d 'Write each policy decision to this file, too, in OPA\'s format of decision logs' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l decision-log-mask -d 'Leave out of --decision-log the value at this JSON pointer (/input/process/command_args); repeatable' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l config -d 'Read options from this TOML file: a key is the long name of an option (ring-size = "16M")' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l ring-size -d 'Size of the ring buffer between kernel and agent in bytes; a power of two' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l argv-max -d 'Maximum number of argument bytes kept; the true number is in every record' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l uid -d 'Watch only processes of this real user id' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l comm -d 'Watch only processes with this task name (at most 15 bytes)' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l cgroup -d 'Watch only processes in this cgroup or below: a folder below /sys/fs/cgroup' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l heartbeat -d 'Time between two `tracego.heartbeat` records, such as 30s or 5m; 0 for none' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l listen -d 'Serve /metrics (for Prometheus), /livez and /readyz on this address: a port of this machine (9470), IP:PORT, or unix:/PATH, a socket of mode 0660' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l enforce -d 'Stop program starts that match a rule in the table enforce of the configuration; without rules there, `go run` in CI jobs (with `run`: anywhere in the command\'s tree)' -r -f -a "off\t'No decisions are made'
audit\t'Starts that would be stopped are reported, and run'
kill\t'A program that a rule stops is killed before its first instruction'
deny\t'execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say so'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l handover -d 'Leave the programs attached and the ring in place for the next tracego, which takes over without a gap' -r -f -a "none\t'Leave nothing'
crash\t'Leave programs and ring if this tracego is killed'
always\t'Leave programs and ring'"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l host-name -d 'Name of the machine in records (`host.name`)' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l host-id -d 'Id of the machine in records (`host.id`), for machines that were cloned with their /etc/machine-id' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l host-label -d 'Label of the machine, such as `role=builder`; repeatable, up to 32 times' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l kubernetes -d 'Ask the Kubernetes API which pods run on this node: records get their names and workloads, and the CI jobs that their labels and annotations name' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l kubernetes-labels -d 'Labels of pods that records show, separated by commas; `*` at the end of one stands for any more' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l kubernetes-annotations -d 'Annotations of pods that records show, like --kubernetes-labels. Annotations may hold secrets' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l kubernetes-api -d 'Address of the Kubernetes API, such as <https://10.0.0.1:6443>. Default: that of the cluster that tracego runs in' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l kubernetes-ca -d 'Certificates in PEM that the Kubernetes API is trusted by. Default: those of the service account' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l kubernetes-token -d 'File with the token for the Kubernetes API, read for each request. Default: that of the service account' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l config-watch -d 'Reload when the configuration changes, as SIGHUP does: within two seconds after the last change' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l inventory -d 'Judge the Go programs that run already, as far as /proc says what rules need' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l digest -d 'Hash the files that are executed (SHA-256), each once, in a process beside tracego' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l digest-max-size -d 'Maximum size of a file that is hashed; a larger one has no digest' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l digest-rate -d 'Maximum number of bytes that are hashed in a second' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l pin-dir -d 'Folder for the programs and the ring: in a BPF file system, used by this tracego alone' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand run" -l keep-privileges -d 'Keep all capabilities and system calls for as long as tracego runs' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l duration -d 'End after this time, such as 30s, 5m or 12h' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l wait-tree -d 'Wait at most this long for descendants that outlive the command (500ms, 30s, 5m; 0 for none)' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l fail-on -d 'End with 5 if a finding of at least this severity was made and the command itself succeeded: low, medium, high, critical, or never' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l user -d 'Run the command as this user, with the user\'s groups, HOME, USER and LOGNAME: a name, a number, or caller, which is the user who called sudo' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand run" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand run" -l wait -d 'Wait for descendants that outlive the command, however long they run'
complete -c tracego -n "__fish_tracego_using_subcommand run" -l fail-on-loss -d 'End with 4 if records or decisions are missing or descendants still run, whatever the command\'s own status is'
complete -c tracego -n "__fish_tracego_using_subcommand run" -l enforce-optional -d 'Start the command although --enforce is not in force, and do not end with 3 because of that'
complete -c tracego -n "__fish_tracego_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand capture" -s e -l event -d 'Events to write' -r -f -a "execve\t'A program was executed'
exit\t'A process ended'
fork\t'A process was created'
execve-failed\t'A program could not be executed'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l env -d 'Put KEY=VALUE into every record, or with KEY alone the process\'s own value; repeatable' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l output -d 'Form and target of records' -r -f -a "json\t'One JSON object per line'
text\t'Text for people'
otlp\t'Records to an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l otlp-endpoint -d 'Collector for --output otlp, --otlp-traces and --otlp-metrics' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l otlp-traces -d 'Send each CI job as one trace: one span per process, findings as events' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l otlp-metrics -d 'Push the metrics of /metrics, every 60 seconds or as set by OTEL_METRIC_EXPORT_INTERVAL, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l spool-dir -d 'Keep records that wait for a sink in this folder, so that they survive a restart, a kill and a power loss' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l format -d 'Format of events, one per line, whatever --output is' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l detail -d 'Members of a record that are written' -r -f -a "lean\t'Parts that many records share are written once, and referred to'
full\t'Each record holds everything'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l modules -d 'Write a record of each executable that starts, with the modules of Go and the libraries that it names' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l aggregate -d 'Make one record of the start and the exit of a process that ends within a second' -r -f -a "exits\t'The exit of a process, with its start'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l fields -d 'Write these members of records of processes and those that every record keeps, separated by commas' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l drop -d 'Write all members of records of processes but these, separated by commas' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l output-file -d 'Append records to this file (created with mode 0600) instead of standard output. `-` is refused' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l tree -d 'Indent text output by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l color -d 'Use colours in text output' -r -f -a "auto\t'Colours on a terminal, unless NO_COLOR is set'
always\t'Colours always'
never\t'Colours never'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l profile -d 'Environment whose defaults the rules take' -r -f -a "auto\t'Each process on its own: a CI job by its variables, production by container or system service'
ci\t'Every process belongs to a CI job'
production\t'Every process outside of a CI job is production'
developer\t'Only what the configuration names is production'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l only-findings -d 'Write records of processes only if something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l min-severity -d 'Write records of processes only if they have a finding of at least this severity: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'Should be fixed'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l seal -d 'Seal the log for `tracego verify-log`: each record is linked to those before it, and tracego.seal records hold their number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l seal-interval -d 'Time between two seals, 1s to 1d; a finding and a stop get one at once, a job and the run at their end' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l seal-key -d 'Sign seals with this key' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file, or the https URL of a signed .tar.gz, which is asked for again while tracego watches; repeatable (docs/policies.md)' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-cache -d 'Keep the last good bundle of each URL in this folder, for a start without the server' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-poll-min -d 'Shortest pause between two requests for a bundle, in seconds. Each pause is random, up to --policy-poll-max' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-poll-max -d 'Longest pause between two requests for a bundle, in seconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-wait -d 'Longest wait at the start for a bundle that is not in --policy-cache, in seconds. Then tracego ends with 1' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-rollback -d 'Accept a bundle from a URL that is older than the one in force, or has no serial number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-on-error -d 'Decision about a start if a policy fails or takes too long. With allow, a run with such a start ends with 4' -r -f -a "allow\t'Allow the program: a broken policy stops nothing'
deny\t'Deny the program: only by explicit choice'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l policy-time-limit -d 'Maximum time of a decision by all bundles together, in milliseconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l decision-log -d 'Write each policy decision to this file, too, in OPA\'s format of decision logs' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l decision-log-mask -d 'Leave out of --decision-log the value at this JSON pointer (/input/process/command_args); repeatable' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l config -d 'Read options from this TOML file: a key is the long name of an option (ring-size = "16M")' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l ring-size -d 'Size of the ring buffer between kernel and agent in bytes; a power of two' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l argv-max -d 'Maximum number of argument bytes kept; the true number is in every record' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l uid -d 'Watch only processes of this real user id' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l comm -d 'Watch only processes with this task name (at most 15 bytes)' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l cgroup -d 'Watch only processes in this cgroup or below: a folder below /sys/fs/cgroup' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l heartbeat -d 'Time between two `tracego.heartbeat` records, such as 30s or 5m; 0 for none' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l listen -d 'Serve /metrics (for Prometheus), /livez and /readyz on this address: a port of this machine (9470), IP:PORT, or unix:/PATH, a socket of mode 0660' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l enforce -d 'Stop program starts that match a rule in the table enforce of the configuration; without rules there, `go run` in CI jobs (with `run`: anywhere in the command\'s tree)' -r -f -a "off\t'No decisions are made'
audit\t'Starts that would be stopped are reported, and run'
kill\t'A program that a rule stops is killed before its first instruction'
deny\t'execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say so'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l handover -d 'Leave the programs attached and the ring in place for the next tracego, which takes over without a gap' -r -f -a "none\t'Leave nothing'
crash\t'Leave programs and ring if this tracego is killed'
always\t'Leave programs and ring'"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l host-name -d 'Name of the machine in records (`host.name`)' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l host-id -d 'Id of the machine in records (`host.id`), for machines that were cloned with their /etc/machine-id' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l host-label -d 'Label of the machine, such as `role=builder`; repeatable, up to 32 times' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l kubernetes -d 'Ask the Kubernetes API which pods run on this node: records get their names and workloads, and the CI jobs that their labels and annotations name' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l kubernetes-labels -d 'Labels of pods that records show, separated by commas; `*` at the end of one stands for any more' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l kubernetes-annotations -d 'Annotations of pods that records show, like --kubernetes-labels. Annotations may hold secrets' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l kubernetes-api -d 'Address of the Kubernetes API, such as <https://10.0.0.1:6443>. Default: that of the cluster that tracego runs in' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l kubernetes-ca -d 'Certificates in PEM that the Kubernetes API is trusted by. Default: those of the service account' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l kubernetes-token -d 'File with the token for the Kubernetes API, read for each request. Default: that of the service account' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l config-watch -d 'Reload when the configuration changes, as SIGHUP does: within two seconds after the last change' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l inventory -d 'Judge the Go programs that run already, as far as /proc says what rules need' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l digest -d 'Hash the files that are executed (SHA-256), each once, in a process beside tracego' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l digest-max-size -d 'Maximum size of a file that is hashed; a larger one has no digest' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l digest-rate -d 'Maximum number of bytes that are hashed in a second' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l pin-dir -d 'Folder for the programs and the ring: in a BPF file system, used by this tracego alone' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l keep-privileges -d 'Keep all capabilities and system calls for as long as tracego runs' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l duration -d 'End after this time, such as 30s, 5m or 12h' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand capture" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand replay" -s e -l event -d 'Events to write' -r -f -a "execve\t'A program was executed'
exit\t'A process ended'
fork\t'A process was created'
execve-failed\t'A program could not be executed'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l env -d 'Put KEY=VALUE into every record, or with KEY alone the process\'s own value; repeatable' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l output -d 'Form and target of records' -r -f -a "json\t'One JSON object per line'
text\t'Text for people'
otlp\t'Records to an OpenTelemetry collector'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l otlp-endpoint -d 'Collector for --output otlp, --otlp-traces and --otlp-metrics' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l otlp-traces -d 'Send each CI job as one trace: one span per process, findings as events' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l otlp-metrics -d 'Push the metrics of /metrics, every 60 seconds or as set by OTEL_METRIC_EXPORT_INTERVAL, to the collector of --otlp-endpoint or of the variables OTEL_EXPORTER_OTLP_METRICS_*' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l spool-dir -d 'Keep records that wait for a sink in this folder, so that they survive a restart, a kill and a power loss' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l format -d 'Format of events, one per line, whatever --output is' -r -f -a "json\t'The native record'
ocsf\t'OCSF 1.8.0'
ecs\t'Elastic Common Schema 9.4'
cloudevents\t'CloudEvents 1.0, structured'
otlp-json\t'OTLP File Exporter'
cef\t'ArcSight Common Event Format'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l detail -d 'Members of a record that are written' -r -f -a "lean\t'Parts that many records share are written once, and referred to'
full\t'Each record holds everything'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l modules -d 'Write a record of each executable that starts, with the modules of Go and the libraries that it names' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l aggregate -d 'Make one record of the start and the exit of a process that ends within a second' -r -f -a "exits\t'The exit of a process, with its start'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l fields -d 'Write these members of records of processes and those that every record keeps, separated by commas' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l drop -d 'Write all members of records of processes but these, separated by commas' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l output-file -d 'Append records to this file (created with mode 0600) instead of standard output. `-` is refused' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l tree -d 'Indent text output by ancestors' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l color -d 'Use colours in text output' -r -f -a "auto\t'Colours on a terminal, unless NO_COLOR is set'
always\t'Colours always'
never\t'Colours never'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l raw-args -d 'Do not look for secrets in arguments and variables' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l profile -d 'Environment whose defaults the rules take' -r -f -a "auto\t'Each process on its own: a CI job by its variables, production by container or system service'
ci\t'Every process belongs to a CI job'
production\t'Every process outside of a CI job is production'
developer\t'Only what the configuration names is production'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l only-findings -d 'Write records of processes only if something was found about them: --min-severity low' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l min-severity -d 'Write records of processes only if they have a finding of at least this severity: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'Should be fixed'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l seal -d 'Seal the log for `tracego verify-log`: each record is linked to those before it, and tracego.seal records hold their number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l seal-interval -d 'Time between two seals, 1s to 1d; a finding and a stop get one at once, a job and the run at their end' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l seal-key -d 'Sign seals with this key' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy -d 'Decide about each start by this bundle of Rego policies: a folder, a .tar.gz or a .rego file, or the https URL of a signed .tar.gz, which is asked for again while tracego watches; repeatable (docs/policies.md)' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-cache -d 'Keep the last good bundle of each URL in this folder, for a start without the server' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-poll-min -d 'Shortest pause between two requests for a bundle, in seconds. Each pause is random, up to --policy-poll-max' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-poll-max -d 'Longest pause between two requests for a bundle, in seconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-wait -d 'Longest wait at the start for a bundle that is not in --policy-cache, in seconds. Then tracego ends with 1' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-rollback -d 'Accept a bundle from a URL that is older than the one in force, or has no serial number' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-on-error -d 'Decision about a start if a policy fails or takes too long. With allow, a run with such a start ends with 4' -r -f -a "allow\t'Allow the program: a broken policy stops nothing'
deny\t'Deny the program: only by explicit choice'"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l policy-time-limit -d 'Maximum time of a decision by all bundles together, in milliseconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l decision-log -d 'Write each policy decision to this file, too, in OPA\'s format of decision logs' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l decision-log-mask -d 'Leave out of --decision-log the value at this JSON pointer (/input/process/command_args); repeatable' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l config -d 'Read options from this TOML file: a key is the long name of an option (ring-size = "16M")' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand replay" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand replay" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -f -a "list" -d 'List all rules, one per line'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -f -a "explain" -d 'Explain a rule: its meaning, the severity of each case by place, its remediation and its settings'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and not __fish_seen_subcommand_from list explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l config -d 'Show which rules are off in this TOML file' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "list" -d 'List all rules, one per line'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Explain a rule: its meaning, the severity of each case by place, its remediation and its settings'
complete -c tracego -n "__fish_tracego_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l format -d 'Form of the report on standard output' -r -f -a "text\t'Text for people, with the line of each finding'
json\t'One JSON object'
sarif\t'Static analysis results for GitHub code scanning, SARIF 2.1.0'
github\t'Annotations of GitHub Actions'
gitlab\t'Code quality report of GitLab'
junit\t'JUnit XML'
rdjsonl\t'Diagnostics of reviewdog, one per line'"
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l also -d 'Write the report in another form to a file, too; may be repeated' -r
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l fail-on -d 'End with 5 if a finding is at least this severe: low, medium, high, critical, or never' -r -f -a "low\t''
medium\t''
high\t''
critical\t''
never\t''"
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l baseline -d 'File of findings that are known and do not count' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l exclude -d 'Pattern of paths to leave out, as in .gitignore; may be repeated' -r
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l scan-config -d 'Settings of the repository: patterns to leave out, and exceptions' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand scan" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l update-baseline -d 'Write the findings of this scan to the baseline. Ends with 0, or with 1 if a file could not be read'
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l staged -d 'Scan what git has staged for the next commit, as it is staged'
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l strict -d 'Report lines of `go generate`, and of what only developers\' machines run, too'
complete -c tracego -n "__fish_tracego_using_subcommand scan" -l docs -d 'Report code blocks of Markdown documents, too'
complete -c tracego -n "__fish_tracego_using_subcommand scan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "check" -d 'Load bundles as tracego would, and report mistakes with file and line; ends with 1 if there are any'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "test" -d 'Run the tests of bundles: rules named test_…; ends with 1 if one fails. With --records, report instead what the bundles would have decided about the program starts of a log'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "eval" -d 'Evaluate bundles on one record, and show which rules hold; ends with 1 if an evaluation fails, with 0 for any decision'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "bench" -d 'Measure how long a decision takes here, with and without the cache'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "sign" -d 'Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then verifies. Every change of a file requires a new signature'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and not __fish_seen_subcommand_from check test eval bench sign help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l records -d 'Decide about the program starts of this log, as --output json writes it; - is standard input' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l first -d 'Number of starts to show that are not allowed' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l time-limit -d 'Maximum time of a decision in milliseconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l on-error -d 'Decision about a start if the evaluation fails' -r -f -a "allow\t'Allow the program: a broken policy stops nothing'
deny\t'Deny the program: only by explicit choice'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l coverage -d 'Report which lines the tests executed'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l input -d 'Record to decide about, as --output json writes it; - is standard input' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l time-limit -d 'Maximum time of a decision in milliseconds' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l on-error -d 'Decision about a start if the evaluation fails' -r -f -a "allow\t'Allow the program: a broken policy stops nothing'
deny\t'Deny the program: only by explicit choice'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from eval" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l policy-key -d 'Accept only bundles that are signed with the private half of this public key in PEM, or with this secret' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l policy-algorithm -d 'Algorithm of the signatures' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l policy-ca -d 'Trust these certificates in PEM, instead of those of the system, of the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l policy-cert -d 'Client certificate in PEM for the server of a bundle' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l policy-cert-key -d 'Private key of --policy-cert in PEM' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l policy-token -d 'File with the bearer token for the server of a bundle; read for each request, and once more after a 401' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l records -d 'Decide about the program starts of this log, as --output json writes it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l input -d 'Decide about this record' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l key -d 'Private key in PEM (PKCS #8), or the secret of HS256' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l algorithm -d 'Algorithm of the signature' -r -f -a "rs256\t'RSA with PKCS #1 v1.5 and SHA-256, of 2048 bits or more'
es256\t'ECDSA on P-256 with SHA-256'
hs256\t'HMAC with SHA-256: anyone who can check a bundle can also sign one'"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l key-id -d 'Name of the key, for the reader of the signature' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l days -d 'Days for which the signature is valid; without this option it does not expire' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from sign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "check" -d 'Load bundles as tracego would, and report mistakes with file and line; ends with 1 if there are any'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "test" -d 'Run the tests of bundles: rules named test_…; ends with 1 if one fails. With --records, report instead what the bundles would have decided about the program starts of a log'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "eval" -d 'Evaluate bundles on one record, and show which rules hold; ends with 1 if an evaluation fails, with 0 for any decision'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "bench" -d 'Measure how long a decision takes here, with and without the cache'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "sign" -d 'Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then verifies. Every change of a file requires a new signature'
complete -c tracego -n "__fish_tracego_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -f -a "verify" -d 'Verify which build files come from, without network'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -f -a "ls" -d 'Show what the store holds, as its bundles claim it. Nothing is verified. Ends with 1 if something in it is damaged'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -f -a "explain" -d 'Show every check of each bundle about a file or a digest: what holds, what does not, and the way out'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and not __fish_seen_subcommand_from verify ls explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l config -d 'Configuration file, or a folder with tracego.toml and conf.d/*.toml, whose table provenance is used' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l store -d 'Folder with bundles, or a bundle; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l trusted-root -d 'File with trust roots, as `gh attestation trusted-root` writes it; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l issuer -d 'Service that vouches for the signer, such as `https://token.actions.githubusercontent.com`' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l repository -d 'Repository that was built, such as `https://github.com/acme/shop`' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l repository-id -d 'Number of the repository that was built' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l workflow -d 'Workflow that signed, with its reference; * stands for any text' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l identity -d 'Identity that signed, if it is no workflow, such as an address' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l runner -d 'Kind of runner, such as github-hosted' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l key -d 'Public key in PEM that signed, ECDSA P-256 or Ed25519; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l predicate-type -d 'Kind of statement that says where a file was built, instead of SLSA provenance; may be repeated' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l commit -d 'Commit that the files must be built from, in full: 40 or 64 hexadecimal digits' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l require-log -d 'Demand that signatures by --key are in a log'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -l config -d 'Configuration file, or a folder with tracego.toml and conf.d/*.toml, whose table provenance names the store' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -l store -d 'Folder with bundles, or a bundle, instead of those of the configuration; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l config -d 'Configuration file, or a folder with tracego.toml and conf.d/*.toml, whose table provenance is used' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l store -d 'Folder with bundles, or a bundle; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l trusted-root -d 'File with trust roots, as `gh attestation trusted-root` writes it; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l issuer -d 'Service that vouches for the signer, such as `https://token.actions.githubusercontent.com`' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l repository -d 'Repository that was built, such as `https://github.com/acme/shop`' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l repository-id -d 'Number of the repository that was built' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l workflow -d 'Workflow that signed, with its reference; * stands for any text' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l identity -d 'Identity that signed, if it is no workflow, such as an address' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l runner -d 'Kind of runner, such as github-hosted' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l key -d 'Public key in PEM that signed, ECDSA P-256 or Ed25519; may be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l predicate-type -d 'Kind of statement that says where a file was built, instead of SLSA provenance; may be repeated' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l require-log -d 'Demand that signatures by --key are in a log'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Verify which build files come from, without network'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from help" -f -a "ls" -d 'Show what the store holds, as its bundles claim it. Nothing is verified. Ends with 1 if something in it is damaged'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Show every check of each bundle about a file or a digest: what holds, what does not, and the way out'
complete -c tracego -n "__fish_tracego_using_subcommand provenance; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "ls" -d 'Show the waiting records and their files. Changes nothing; also works while tracego runs'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "verify" -d 'Read everything and report what is damaged or missing; ends with 1 if anything is. Changes nothing'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "drain" -d 'Write every waiting record to standard output, one per line, and acknowledge what was written. Ends with 4 if records are missing. tracego must not be using the folder'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and not __fish_seen_subcommand_from ls verify drain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "ls" -d 'Show the waiting records and their files. Changes nothing; also works while tracego runs'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read everything and report what is damaged or missing; ends with 1 if anything is. Changes nothing'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "drain" -d 'Write every waiting record to standard output, one per line, and acknowledge what was written. Ends with 4 if records are missing. tracego must not be using the folder'
complete -c tracego -n "__fish_tracego_using_subcommand spool; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Read a file as tracego would at its start, and report mistakes; ends with 2 if there are any. Certificates, keys and policies that the file names are read, and folders and groups looked up. Nothing is made or locked, and no connection is made'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Show each option with its value and its source, in the form of an equivalent configuration file. Values of headers and other secrets are left out'
complete -c tracego -n "__fish_tracego_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from check" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read a file as tracego would at its start, and report mistakes; ends with 2 if there are any. Certificates, keys and policies that the file names are read, and folders and groups looked up. Nothing is made or locked, and no connection is made'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show each option with its value and its source, in the form of an equivalent configuration file. Values of headers and other secrets are left out'
complete -c tracego -n "__fish_tracego_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand detach" -l pin-dir -d 'Folder of the programs, the same as at the start of tracego' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand detach" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand detach" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand detach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand seal-key" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand seal-key" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand seal-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l key -d 'Public key in PEM; every seal must be signed with it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l expect-head -d 'Link of a record that must be in the log, as --print-head printed it' -r
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l print-head -d 'Print the end of the log as one JSON object, to be kept on another machine'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -l partial -d 'Accept a log that begins in the middle of a run, because its oldest records were removed'
complete -c tracego -n "__fish_tracego_using_subcommand verify-log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand report" -l format -d 'Format of the report' -r -f -a "markdown\t'A summary for GITHUB_STEP_SUMMARY and for people'
junit\t'Test results for GitLab, Jenkins and Azure'
sarif\t'Static analysis results for GitHub code scanning'
html\t'A page with the timeline of the job, in one file'
chrome-trace\t'A trace for ui.perfetto.dev'"
complete -c tracego -n "__fish_tracego_using_subcommand report" -l output -d 'File to write instead of standard output. What was in it is gone, unless it is the file that GITHUB_STEP_SUMMARY names: there the report goes to the end' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand report" -l also -d 'Write the report in another format, too; repeatable. The records are read once' -r
complete -c tracego -n "__fish_tracego_using_subcommand report" -l job -d 'Report this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id' -r
complete -c tracego -n "__fish_tracego_using_subcommand report" -l fail-on -d 'End with 5 if a finding is at least as severe (low, medium, high, critical), or if a start was stopped' -r -f -a "low\t'Good to know'
medium\t'Should be fixed'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand report" -l baseline -d 'Baseline of earlier runs: processes that none of them had are named, and are findings (TG024) once it has three runs' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand report" -l source -d 'Folder with the sources of the job: findings get the place in the file that started the process' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand report" -l key -d 'Public key in PEM that must have signed the seals of the records' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand report" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand report" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand report" -l append -d 'Write to the end of the file of --output'
complete -c tracego -n "__fish_tracego_using_subcommand report" -l update -d 'Add this run to the baseline, and create the file if there is none'
complete -c tracego -n "__fish_tracego_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand diff" -l job -d 'Compare this job of AFTER alone' -r
complete -c tracego -n "__fish_tracego_using_subcommand diff" -l output -d 'Form of the report' -r -f -a "json\t'JSON'
text\t'Text for people'"
complete -c tracego -n "__fish_tracego_using_subcommand diff" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand diff" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand diff" -l fail-on-new -d 'End with 5 if a process is new'
complete -c tracego -n "__fish_tracego_using_subcommand diff" -l json -d 'Another name of `--output json`'
complete -c tracego -n "__fish_tracego_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand show" -l since -d 'Print records from this time on: RFC 3339 in UTC, or a part of it from the left, such as 2026-11-25T02' -r
complete -c tracego -n "__fish_tracego_using_subcommand show" -l until -d 'Print records before this time' -r
complete -c tracego -n "__fish_tracego_using_subcommand show" -l job -d 'Print records of this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id' -r
complete -c tracego -n "__fish_tracego_using_subcommand show" -l min-severity -d 'Print records with a finding or a violation of at least this severity alone: low, medium, high, critical' -r -f -a "low\t'Good to know'
medium\t'Should be fixed'
high\t'Must not be there'
critical\t'Somebody has to look now'"
complete -c tracego -n "__fish_tracego_using_subcommand show" -l where -d 'Print records that make this CEL expression true, such as process.user.id == 0. It sees full records' -r
complete -c tracego -n "__fish_tracego_using_subcommand show" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand show" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand show" -l tree -d 'Draw each process below its parent'
complete -c tracego -n "__fish_tracego_using_subcommand show" -s f -l follow -d 'Wait for further records at the end of the last file, also when it is rotated'
complete -c tracego -n "__fish_tracego_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand top" -s n -l iterations -d 'Print everything this many times as text, without a terminal, --interval apart; fewer times if the input ends' -r
complete -c tracego -n "__fish_tracego_using_subcommand top" -s d -l interval -d 'Time between two updates, such as 500ms, 1s or 5s; at least 100ms' -r
complete -c tracego -n "__fish_tracego_using_subcommand top" -l rows -d 'Maximum number of rows of each table with --once and --iterations; what is left out is counted' -r
complete -c tracego -n "__fish_tracego_using_subcommand top" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand top" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand top" -l once -d 'Print everything once as text, without a terminal: of files up to their present end, of standard input at its end, and without a file after --interval'
complete -c tracego -n "__fish_tracego_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -l format -d 'Format of the bill' -r -f -a "cyclonedx-1.6\t'CycloneDX 1.6 in JSON'
cyclonedx-1.7\t'CycloneDX 1.7 in JSON'
spdx-2.3\t'SPDX 2.3 in JSON'
spdx-3.0.1\t'SPDX 3.0.1 in JSON-LD'
text\t'A list for people'"
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -l output -d 'File to write instead of standard output' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -l job -d 'Take the programs of this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id' -r
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -l osv -d 'Folder of advisories in the format of OSV: name the modules with known vulnerabilities, and end with 5 if there are any' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -l read-executables -d 'Read the executables that records name, if they are still there: records have no list of modules, and may have no digest'
complete -c tracego -n "__fish_tracego_using_subcommand sbom" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l subject -d 'File that the statement is about: an artifact of the job. May be repeated' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l subject-digest -d 'Digest and name of an artifact that the statement is about, such as a container image. May be repeated' -r
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l key -d 'Private key in PEM (PKCS#8) that signs: ECDSA on P-256, or Ed25519. Only its owner may be able to read it' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l format -d 'Form of the output' -r -f -a "bundle\t'Sigstore bundle v0.3, signed'
envelope\t'DSSE envelope, signed'
statement\t'Statement, not signed'
predicate\t'Predicate alone, for a signer that makes the statement'"
complete -c tracego -n "__fish_tracego_using_subcommand attest" -s o -l output -d 'File to write instead of standard output' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l processes -d 'Processes to list' -r -f -a "all\t'Each program start; compilers and linkers are counted at their go command'
distinct\t'Each executable with its arguments and its user once'
findings\t'Processes with findings'"
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l job -d 'Attest this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id' -r
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l seal-key -d 'Public key in PEM that must have signed the seals of the records' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l predicate -d 'File with another predicate in JSON, such as a bill of materials, instead of records' -r -F
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l predicate-type -d 'Type of that predicate, such as `https://cyclonedx.org/bom`' -r
complete -c tracego -n "__fish_tracego_using_subcommand attest" -l log -d 'Log messages of tracego itself on standard error: a level (error, warn, info, debug, trace, off)' -r
complete -c tracego -n "__fish_tracego_using_subcommand attest" -s q -l quiet -d 'Print neither the line that says when tracego is ready nor the counts at the end; errors are printed' -r -f -a "true\t''
false\t''"
complete -c tracego -n "__fish_tracego_using_subcommand attest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "run" -d 'Watch one command and its descendants; ends with the command\'s exit status'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "capture" -d 'Write raw kernel events to a file, for `replay`'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "replay" -d 'Turn a captured file into records, without root: the same records as in the original run'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "doctor" -d 'Check what this kernel and this user allow; ends with 0 if the main job runs here, else with 3'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "inspect" -d 'Show what executables contain: how Go built them and how they are linked. Ends with 1 if a file could not be read; the others are shown'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "rules" -d 'List the rules that tracego checks, or explain one'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "scan" -d 'Find go run, and what else the rules are about, in the files of a source tree, before anything runs'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "policy" -d 'Work with Rego policies: check bundles, run their tests, evaluate them on a record, or measure them'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "provenance" -d 'Say which build a file comes from, proven by signatures and without network'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "spool" -d 'Show the queues of records that wait for a sink (--spool-dir), or empty one'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "config" -d 'Check a configuration, or show the options in force and where each comes from'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "detach" -d 'Detach the programs that a tracego with --handover left attached, and remove its files. Events in the ring are lost; their number is printed'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "seal-key" -d 'Create a key for --seal-key that evolves: each seal ends the use of its key, so that nobody can sign earlier seals again. Prints the public key for `verify-log --key`, which belongs to another machine'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "verify-log" -d 'Verify logs that were written with --seal: that no record was changed, removed, moved or added, and that each file has the records that its lean records refer to'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "report" -d 'Write a report about the records of a job: a summary for GitHub, test results, a trace, and what is new since earlier runs. Needs no root'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "diff" -d 'Compare the processes of two runs: which are new, gone, slower, or run by another user'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "show" -d 'Print records as text for people, as the live output does'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "top" -d 'Show what runs now, by job: rates, losses and findings, in the terminal'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "sbom" -d 'Write the bill of materials of the programs that ran, from their records, or of executables: the Go modules in them, and which of those have known vulnerabilities. Needs no root'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "attest" -d 'Write a statement of in-toto about artifacts: what ran while they were made, from its records, with findings and with what is missing; or another predicate. Signs it with a key. Needs no root'
complete -c tracego -n "__fish_tracego_using_subcommand help; and not __fish_seen_subcommand_from run capture replay doctor inspect rules scan policy provenance spool config detach seal-key verify-log report diff show top sbom attest help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "list" -d 'List all rules, one per line'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "explain" -d 'Explain a rule: its meaning, the severity of each case by place, its remediation and its settings'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "check" -d 'Load bundles as tracego would, and report mistakes with file and line; ends with 1 if there are any'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "test" -d 'Run the tests of bundles: rules named test_…; ends with 1 if one fails. With --records, report instead what the bundles would have decided about the program starts of a log'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "eval" -d 'Evaluate bundles on one record, and show which rules hold; ends with 1 if an evaluation fails, with 0 for any decision'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "bench" -d 'Measure how long a decision takes here, with and without the cache'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "sign" -d 'Sign a bundle as `opa sign` does: writes .signatures.json into its folder, which --policy-key then verifies. Every change of a file requires a new signature'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from provenance" -f -a "verify" -d 'Verify which build files come from, without network'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from provenance" -f -a "ls" -d 'Show what the store holds, as its bundles claim it. Nothing is verified. Ends with 1 if something in it is damaged'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from provenance" -f -a "explain" -d 'Show every check of each bundle about a file or a digest: what holds, what does not, and the way out'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "ls" -d 'Show the waiting records and their files. Changes nothing; also works while tracego runs'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "verify" -d 'Read everything and report what is damaged or missing; ends with 1 if anything is. Changes nothing'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from spool" -f -a "drain" -d 'Write every waiting record to standard output, one per line, and acknowledge what was written. Ends with 4 if records are missing. tracego must not be using the folder'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Read a file as tracego would at its start, and report mistakes; ends with 2 if there are any. Certificates, keys and policies that the file names are read, and folders and groups looked up. Nothing is made or locked, and no connection is made'
complete -c tracego -n "__fish_tracego_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show each option with its value and its source, in the form of an equivalent configuration file. Values of headers and other secrets are left out'
