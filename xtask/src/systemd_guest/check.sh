#!/bin/sh
# Tries tracego.service in the guest. Prints "ok NAME" or "FAIL NAME: WHY" for each check.
records=/var/log/tracego/records.json
mark=/root/mark-of-the-guest
cp /bin/true "$mark"

note() { echo "# $(cut -d' ' -f1 /proc/uptime) $*"; }
ok() { echo "ok $1"; }
fail() {
    echo "FAIL $1: $2"
    journalctl -u tracego --no-pager -n 8 -o cat | sed 's/^/#   /'
}
# check NAME COMMAND...: the command has to succeed.
check() {
    name=$1
    shift
    if why=$("$@" 2>&1); then ok "$name"; else fail "$name" "$(echo "$why" | tail -n 3 | tr '\n' ' ')"; fi
}
# within SECONDS COMMAND...: the command has to succeed in time.
within() {
    end=$(($(date +%s) + $1))
    shift
    until why=$("$@" 2>&1); do
        if [ "$(date +%s)" -ge "$end" ]; then
            echo "not in time: $* $why"
            return 1
        fi
        sleep 0.5
    done
}
property() { systemctl show -P "$1" tracego.service; }
active() { [ "$(property ActiveState)" = active ]; }
recorded() { grep -q "$mark\",\"$1\"" "$records"; }
# Whether the process of the service is another one and ready.
replaced() { active && [ "$(property MainPID)" != "$1" ] && [ "$(property MainPID)" != 0 ]; }
status_has() { property StatusText | grep -q "$1" || { property StatusText; false; }; }
status_lacks() { ! property StatusText | grep -q "$1"; }
dropin() {
    mkdir -p /etc/systemd/system/tracego.service.d
    cp "/usr/share/doc/tracego/examples/drop-ins/$1.conf" /etc/systemd/system/tracego.service.d/
    systemctl daemon-reload
}

note ways
. /root/prepare.sh
. /root/ways.sh
in_siem() { grep -q "$1" /var/log/siem.log || { tail -n 2 /var/log/siem.log; property StatusText; false; }; }
delivered() { "$mark" "way-$1" && within 60 in_siem "way-$1"; }
for way in $ways; do
    note "way $way"
    "way_$way"
    check "the SIEM has a program of way $way" delivered "$way"
    dpkg --purge tracego >/dev/null
    rm -rf /etc/tracego /etc/systemd/system/tracego.service.d
    systemctl daemon-reload
done
cd /root

installed() {
    dpkg -i /root/tracego.deb && id tracego && ! systemctl is-enabled tracego && ! active &&
        [ "$(stat -c '%U:%G %a' /etc/tracego/tracego.toml)" = "root:tracego 640" ]
}
note install
check "the package is installed, the service is neither enabled nor started" installed
check "the default configuration is right" tracego config check

note start
started() { systemctl start tracego && "$mark" first && within 30 recorded first; }
check "a program started right after the start is recorded" started
secure() {
    level=$(systemd-analyze security --no-pager tracego.service | sed -n 's/.*exposure level for tracego.service: \([0-9.]*\).*/\1/p')
    echo "exposure $level"
    [ -n "$level" ] && [ "$(echo "$level" | tr -d .)" -le 26 ]
}
check "systemd-analyze security gives at most 2.6" secure
note "$(systemd-analyze security --no-pager tracego.service | tail -n 1)"
unprivileged() {
    grep -q "^CapEff:.000000c000080004$" "/proc/$(property MainPID)/status" || { grep Cap "/proc/$(property MainPID)/status"; false; }
}
note "$(grep CapEff "/proc/$(property MainPID)/status") of user $(stat -c %U "/proc/$(property MainPID)")"
confined() { ! journalctl -u tracego --no-pager -o cat | grep "rights that it does not need"; }
check "rights that are not needed are dropped" confined
check "the status has counts and sinks" within 20 status_has "events recorded.*sink log"

note reload
part=/etc/tracego/conf.d/10-guest.toml
reloaded() {
    echo 'heartbeat = 30' >$part && systemctl reload tracego && within 10 status_lacks refused && within 10 active
}
check "a good configuration is reloaded" reloaded
refused() {
    echo 'hertbeat = 30' >$part
    pid=$(property MainPID)
    if systemctl reload tracego; then echo "the reload succeeded"; return 1; fi
    journalctl -u tracego --no-pager -o cat | grep -q "10-guest.toml:1: unknown key 'hertbeat'" &&
        within 10 active && [ "$(property MainPID)" = "$pid" ] && "$mark" refused && within 20 recorded refused
}
check "a wrong configuration fails the reload and changes nothing" refused
hung_up() { kill -HUP "$(property MainPID)" && within 15 status_has "reload refused: .*10-guest.toml:1"; }
check "a wrong configuration is in the status" hung_up
loose() {
    echo 'heartbeat = 30' >$part
    chmod 666 $part
    tracego config check 2>&1 | grep -q "chmod go-w $part" && ! systemctl reload tracego && chmod 644 $part
}
check "a configuration that others can write is refused" loose
check "a configuration that is right again is reloaded" reloaded

note kill
killed() { pid=$(property MainPID) && kill -9 "$pid" && within 60 replaced "$pid" && "$mark" killed && within 20 recorded killed; }
check "a killed service is restarted" killed
wrong() {
    echo 'hertbeat = 30' >$part
    systemctl restart tracego
    sleep 8
    [ "$(property ActiveState)" = failed ] && [ "$(property NRestarts)" -le 1 ] && rm $part &&
        systemctl reset-failed tracego && systemctl start tracego
}
check "a start with a wrong configuration fails without a loop of restarts" wrong

note watchdog
mkdir -p /etc/systemd/system/tracego.service.d
printf '[Service]\nWatchdogSec=8s\nTimeoutStopSec=5s\n' >/etc/systemd/system/tracego.service.d/guest.conf
stopped() {
    systemctl daemon-reload && systemctl restart tracego && pid=$(property MainPID) && sleep 20 &&
        [ "$(property MainPID)" = "$pid" ] && kill -STOP "$pid" && within 90 replaced "$pid" &&
        journalctl -u tracego --no-pager -o cat | grep -qi "watchdog timeout"
}
check "a service that hangs is restarted by the watchdog, and one that works is not" stopped
rm /etc/systemd/system/tracego.service.d/guest.conf

note enforce
cp /bin/true /usr/local/bin/forbidden
enforced() {
    dropin enforce
    printf '[enforce]\nmode = "deny"\n[[enforce.rules]]\nname = "guest"\npath = "/usr/local/bin/forbidden"\n' >$part
    systemctl restart tracego
    /usr/local/bin/forbidden
    [ $? = 126 ] && "$mark" enforced && within 20 recorded enforced
}
check "the enforcement drop-in denies a program" enforced
rm -f $part

note handover
handed_over() {
    dropin handover
    systemctl restart tracego || return 1
    (n=0; while [ $n -lt 150 ]; do "$mark" "over-$n-"; n=$((n + 1)); done) &
    systemctl restart tracego
    wait $!
    all() { [ "$(grep -o "$mark\",\"over-[0-9]*-" "$records" | sort -u | wc -l)" = 150 ]; }
    within 40 all || { grep -o "$mark\",\"over-[0-9]*-" "$records" | sort -u | wc -l; false; }
}
check "no program start is missed across a restart with the handover drop-in" handed_over
upgraded() {
    pid=$(property MainPID)
    echo '# changed by the administrator' >>/etc/tracego/tracego.toml
    (n=0; while [ $n -lt 400 ]; do "$mark" "up-$n-"; n=$((n + 1)); done) &
    dpkg -i --force-confold /root/tracego.deb && within 30 replaced "$pid" || return 1
    wait $!
    all() { [ "$(grep -o "$mark\",\"up-[0-9]*-" "$records" | sort -u | wc -l)" = 400 ]; }
    grep -q 'changed by the administrator' /etc/tracego/tracego.toml && within 60 all
}
check "an upgrade keeps the configuration and misses no program start" upgraded

note purge
purged() {
    dpkg --purge tracego || return 1
    for path in /var/lib/tracego /var/log/tracego /etc/tracego /usr/lib/systemd/system/tracego.service /sys/fs/bpf/tracego; do
        [ ! -e $path ] || { echo "$path is left"; ls -la $path; return 1; }
    done
    ! active
}
check "a purge removes everything" purged
note end
echo done
