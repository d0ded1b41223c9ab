#!/bin/bash
# postfix-relay.sh BASE SMTP_PORT SINK_PORT : a private Postfix on 127.0.0.1:SMTP_PORT that sends everything to the server
# on 127.0.0.1:SINK_PORT over at most 20 sessions, with no DNS and no TLS. Needs Debian's postfix package and root.
# start and stop: postfix -c BASE/relay/etc start|stop
set -e
B=${1:?BASE}; S=${2:?SMTP_PORT}; T=${3:?SINK_PORT}; P=$B/relay
"$(dirname "$0")/../test/support/postfix.sh" "$P" "127.0.0.1:$S" mx.bench.test <<C
multi_instance_name = postfix-relay
inet_protocols = ipv4
relayhost = [127.0.0.1]:$T
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
echo "$P/etc"
