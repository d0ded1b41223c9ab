#!/bin/bash
# postfix.sh DIR LAB NAME : a private Postfix on 127.0.0.1:25, to be run inside ns.sh as root, with the laboratory of lab.sh
# in LAB. It sends with DANE, has MTA-STS policies as postfix-mta-sts-resolver would give them (LAB/sts-policies, texthash),
# knows the laboratory's authority, and takes mail for NAME into DIR/mail.
# stop: postfix -c DIR/etc stop
set -e
P=${1:?DIR} L=${2:?LAB} N=${3:?NAME}
mkdir -p "$P"/etc "$P"/queue "$P"/data "$P"/log "$P"/mail
cp /etc/postfix/dynamicmaps.cf "$P"/etc/ 2>/dev/null || true
cat > "$P"/etc/main.cf <<C
compatibility_level = 3.6
queue_directory = $P/queue
data_directory = $P/data
config_directory = $P/etc
multi_instance_name = postfix-lab
multi_instance_enable = yes
inet_interfaces = 127.0.0.1
inet_protocols = all
myhostname = $N
mydestination =
mynetworks = 127.0.0.0/8
maillog_file = $P/log/mail.log
maillog_file_prefixes = $P
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_mynetworks, reject
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
cat > "$P"/etc/master.cf <<C
127.0.0.1:25 inet n - n - 200 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
C
chown -R root:root "$P"/etc; chown postfix "$P"/data; chown nobody "$P"/mail
postfix -c "$P"/etc check
postfix -c "$P"/etc start
