#!/bin/bash
# postfix.sh DIR LAB NAME : a private Postfix on 127.0.0.1:25, to be run inside ns.sh as root, with the laboratory of lab.sh
# in LAB. It sends with DANE, has MTA-STS policies as postfix-mta-sts-resolver would give them (LAB/sts-policies, texthash),
# knows the laboratory's authority, and takes mail for NAME into DIR/mail.
# stop: postfix -c DIR/etc stop
set -e
P=${1:?DIR} L=${2:?LAB} N=${3:?NAME}
mkdir -p "$P"/mail
"$(dirname "$0")/../postfix.sh" "$P" 127.0.0.1:25 "$N" <<C
multi_instance_name = postfix-lab
inet_protocols = all
virtual_mailbox_domains = $N
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = $P/mail
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
smtpd_tls_security_level = may
smtpd_tls_cert_file = $L/certs/$N.pem
smtpd_tls_key_file = $L/certs/$N.key
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
smtp_tls_policy_maps = texthash:$L/sts-policies
smtp_tls_CAfile = $L/certs/ca.pem
smtp_tls_loglevel = 1
smtp_host_lookup = dns
smtp_connect_timeout = 3s
smtp_helo_timeout = 5s
smtp_mail_timeout = 5s
smtp_rcpt_timeout = 5s
smtp_starttls_timeout = 5s
smtp_data_init_timeout = 5s
smtp_data_done_timeout = 5s
minimal_backoff_time = 3s
maximal_backoff_time = 5s
queue_run_delay = 3s
C
chown nobody "$P"/mail
postfix -c "$P"/etc start
