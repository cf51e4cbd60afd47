#!/bin/busybox sh
# The first process of the guest with an arm64 CPU: doctor, and a few commands under tracego. What xtask reads goes to
# the second serial line; the first has everything that the guest says.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TRACEGO_LOG=warn
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
chmod 1777 /tmp
ip link set lo up
stty -F /dev/ttyS0 raw
exec </dev/null 3>/dev/ttyS0

# Runs a test; its last command decides.
check() {
    if "$2" >/tmp/output 2>&1; then
        echo "test $1 ... ok" >&3
    else
        echo "test $1 ... FAILED" >&3
        tail -n 20 /tmp/output /tmp/records
    fi
}
record() {
    rm -f /tmp/records
    tracego run --output json --output-file /tmp/records --detail full --raw-args "$@"
}
starts() {
    record -e execve,exit,fork -- sh -c '/bin/true one two'
    grep -q '"command_args":\["/bin/true","one","two"\]' /tmp/records &&
        grep -q '"event_name":"tracego.process.exit"' /tmp/records
}
failed() {
    record -e execve,execve-failed -- sh -c '/nonexistent one two'
    grep '"event_name":"tracego.process.exec_failed"' /tmp/records |
        grep -q '"command_args":\["/nonexistent","one","two"\]'
}
job() {
    GITLAB_CI=true CI_JOB_ID=4711 CI_COMMIT_SHA=0123456789abcdef record -- sh -c '/bin/true'
    grep '"/bin/true"' /tmp/records | grep -q '4711'
}
wiped() {
    GITLAB_CI=true CI_JOB_ID=4711 CI_COMMIT_SHA=0123456789abcdef record -- sh -c '/bin/env -i /bin/true wiped'
    grep '"wiped"' /tmp/records | grep -q '4711'
}
# Compares a record with what /proc says about the same process.
fields() {
    record -- sh -c 'cd /tmp; ulimit -n 333; exec /bin/cat /proc/self/stat /proc/self/limits >/tmp/truth'
    read -r pid _ _ parent group session _ </tmp/truth
    line=$(grep '"/proc/self/stat"' /tmp/records)
    for wanted in "\"pid\":$pid," "\"parent_pid\":$parent" "\"group_leader\":{\"pid\":$group" \
        "\"session_leader\":{\"pid\":$session" '"working_directory":"/tmp"' '"nofile":{"soft":333,' '"user":{"id":0'; do
        case $line in *"$wanted"*) ;; *) echo "no $wanted" && return 1 ;; esac
    done
    grep -q '^Max open files *333 ' /tmp/truth
}
denied() {
    cp /bin/busybox /tmp/go
    record --enforce deny -- sh -c '/tmp/go run x; echo "status $?" >/tmp/status'
    grep -qE 'status (126|137)' /tmp/status
}
replayed() {
    rm -f /tmp/capture
    tracego capture /tmp/capture -- sh -c '/bin/true replayed' && tracego replay /tmp/capture --output json |
        grep -q '"replayed"'
}
# A process that ran before is counted, and so is every event.
watched() {
    /bin/sleep 60 &
    tracego --heartbeat 1 --duration 5 --output json --output-file /tmp/records
    kill $!
    last=$(grep '"event_name":"tracego.heartbeat"' /tmp/records | tail -n 1)
    echo "$last" | grep -q '"inventory_counts":{"complete":true,"judged":[1-9]' && echo "$last" | grep -q '"ring_full":0'
}
killed() {
    cp /bin/busybox /tmp/go
    record --enforce kill -- sh -c '/tmp/go run x; echo "status $?" >/tmp/status'
    grep -q 'status 137' /tmp/status
}

echo "@@ begin doctor" >&3
tracego doctor --json >&3 2>/dev/console
echo "@@ end $?" >&3
echo "@@ begin commands" >&3
for object in loop each bounded; do
    export TRACEGO_BPF_OBJECT=$object
    check "$object: a start has its arguments, and an exit" starts
    check "$object: a failed attempt has its arguments" failed
    check "$object: a start belongs to its job" job
    check "$object: a wiped environment still belongs to its job" wiped
    check "$object: fields are what /proc says" fields
    check "$object: what a rule stops is killed" killed
done
unset TRACEGO_BPF_OBJECT
check "what a rule denies does not run" denied
check "a capture is replayed" replayed
check "what ran before is looked at" watched
echo "@@ end 0" >&3
echo "@@ done" >&3
sleep 1
echo o >/proc/sysrq-trigger
sleep 60
