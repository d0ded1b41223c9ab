#!/bin/bash
# postfix.sh DIR LISTEN NAME < SETTINGS : a private Postfix in DIR that listens on LISTEN (127.0.0.1:25) and calls itself
# NAME, with further lines of main.cf from standard input. Needs Debian's postfix package and root.
# start and stop: postfix -c DIR/etc start|stop
set -e
P=${1:?DIR} A=${2:?LISTEN} N=${3:?NAME}
mkdir -p "$P"/etc "$P"/queue "$P"/data "$P"/log
cp /etc/postfix/dynamicmaps.cf "$P"/etc/ 2>/dev/null || true
{
cat <<C
compatibility_level = 3.6
queue_directory = $P/queue
data_directory = $P/data
config_directory = $P/etc
multi_instance_enable = yes
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
myhostname = $N
mydestination =
mynetworks = 127.0.0.0/8
maillog_file = $P/log/mail.log
maillog_file_prefixes = $P
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_mynetworks, reject
C
cat
} > "$P"/etc/main.cf
cat > "$P"/etc/master.cf <<C
$A inet n - n - 200 smtpd
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
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
C
chown -R root:root "$P"/etc; chown postfix "$P"/data
postfix -c "$P"/etc check
