#!/bin/sh
# The first process of the guest: runs the suites and powers off. What xtask reads goes to the second
# serial line; the first has everything that the guest says.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TRACEGO_TEST_EMULATED=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
# Not a mount: the build under test may be below it, and all of the guest is in memory anyway.
chmod 1777 /tmp
if [ "$cgroup" = v1 ]; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for controller in cpu memory pids; do
        mkdir /sys/fs/cgroup/$controller
        mount -t cgroup -o $controller cgroup /sys/fs/cgroup/$controller
    done
else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t securityfs securityfs /sys/kernel/security
ln -s /proc/self/fd /dev/fd
ip link set lo up
stty -F /dev/ttyS1 raw
exec </dev/null 3>/dev/ttyS1

# Runs a program; its name, output and status are xtask's to read.
suite() {
    name=$1
    shift
    echo "@@ begin $name" >&3
    { "$@" 2>&1; echo "@@ end $?"; } | tee /dev/ttyS1
}

# Doctor says on its standard output what there is; a warning on the other would not be JSON.
doctor() {
    # What the verifier says about a program that it refuses goes to the console.
    TRACEGO_LOG=tracego::kernel::probe=debug "$1" doctor --json 2>/dev/console
}

. /suites
echo "@@ done" >&3
# The serial lines have to be empty before the power is off.
stty -F /dev/ttyS1 drain raw
sleep 0.2
echo o >/proc/sysrq-trigger
sleep 60
