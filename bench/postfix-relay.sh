#!/bin/bash
# postfix-relay.sh BASE SMTP_PORT SINK_PORT : a private Postfix on 127.0.0.1:SMTP_PORT that sends everything to the server
# on 127.0.0.1:SINK_PORT over at most 20 sessions, with no DNS and no TLS. Needs Debian's postfix package and root.
# start and stop: postfix -c BASE/relay/etc start|stop
set -e
B=${1:?BASE}; S=${2:?SMTP_PORT}; T=${3:?SINK_PORT}; P=$B/relay
mkdir -p "$P"/etc "$P"/queue "$P"/data "$P"/log
cp -n /etc/postfix/dynamicmaps.cf "$P"/etc/ 2>/dev/null || true
cat > "$P"/etc/main.cf <<C
compatibility_level = 3.6
queue_directory = $P/queue
data_directory = $P/data
config_directory = $P/etc
multi_instance_name = postfix-relay
multi_instance_enable = yes
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.bench.test
mydestination =
mynetworks = 127.0.0.0/8
maillog_file = $P/log/mail.log
maillog_file_prefixes = $P
alias_maps =
alias_database =
relayhost = [127.0.0.1]:$T
smtpd_relay_restrictions = permit_mynetworks, reject
local_recipient_maps =
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
initial_destination_concurrency = 20
default_destination_concurrency_limit = 20
in_flow_delay = 0
smtp_dns_support_level = disabled
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtp_tls_security_level = none
C
cat > "$P"/etc/master.cf <<C
127.0.0.1:$S inet n - n - 200 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
showq unix n - n - - showq
C
chown -R root:root "$P"/etc; chown postfix "$P"/data
postfix -c "$P"/etc check
