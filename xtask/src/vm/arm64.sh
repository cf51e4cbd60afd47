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
    check "$object: what a rule stops is killed" killed
done
echo "@@ end 0" >&3
echo "@@ done" >&3
sleep 1
echo o >/proc/sysrq-trigger
sleep 60
