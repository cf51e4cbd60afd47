# What the ways of docs/deploy.md find on a machine: sudo, a shipper, and a SIEM that takes syslog with TLS.
printf '#!/bin/sh\nexec "$@"\n' >/usr/local/bin/sudo
chmod 755 /usr/local/bin/sudo
useradd --system filebeat
echo '127.0.0.1 siem.example' >>/etc/hosts
cd /root/ways || exit 1
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out siem.pem
    openssl req -newkey rsa:2048 -nodes -subj /CN=siem.example -keyout /etc/siem.key -out siem.csr
    printf 'subjectAltName=DNS:siem.example\nbasicConstraints=CA:FALSE\n' >siem.ext
    openssl x509 -req -in siem.csr -CA siem.pem -CAkey authority.key -CAcreateserial -days 2 -extfile siem.ext -out /etc/siem.pem
} >/root/openssl.log 2>&1
cat >/etc/rsyslog.d/siem.conf <<'CONFIG'
global(maxMessageSize="1m" defaultNetstreamDriverCAFile="/root/ways/siem.pem"
       defaultNetstreamDriverCertFile="/etc/siem.pem" defaultNetstreamDriverKeyFile="/etc/siem.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon" maxFrameSize="1048576")
template(name="whole" type="string" string="%rawmsg%\n")
ruleset(name="siem") { action(type="omfile" file="/var/log/siem.log" template="whole") }
input(type="imtcp" port="6514" ruleset="siem")
CONFIG
systemctl restart rsyslog
