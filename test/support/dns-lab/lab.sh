#!/bin/bash
# DNS test laboratory on loopback: nsd (authoritative, fake signed root) behind unbound (validating).
#   lab.sh up   [DIR]   make keys, certificates, zones; sign; start both; print DNS=127.0.0.1:PORT
#   lab.sh down [DIR]   stop exactly what "up" started (by pid file)
# Debian packages: nsd ldnsutils unbound openssl. Needs no root, no port below 1024, no /etc.
# HOSTS (lines of "name last-octet" or "name IPv6-address") and MXS ("name preference host") from the environment go into plain.test.
# Ports: AUTH (nsd) and REC (unbound), from the environment or 15354/15353.
set -euo pipefail
CMD=${1:?up or down}; DIR=${2:?DIR}; AUTH=${AUTH:-15354}; REC=${REC:-15353}
HERE=$(cd "$(dirname "$0")" && pwd); PATH=$PATH:/usr/sbin
if [ "$CMD" = down ]; then
  for p in unbound nsd; do [ -s "$DIR/$p.pid" ] && kill "$(cat "$DIR/$p.pid")" 2>/dev/null || true; rm -f "$DIR/$p.pid"; done; exit 0
fi
rm -rf "$DIR"; mkdir -p "$DIR"/{keys,zones,certs}; cd "$DIR"

# --- certificates: one test CA; a leaf per MX host, for a list of names; "wrong" is for another name, "old" has expired
openssl ecparam -genkey -name prime256v1 -noout -out certs/ca.key
openssl req -x509 -new -key certs/ca.key -days 3650 -subj '/CN=Posthuis test CA' -addext basicConstraints=critical,CA:TRUE -out certs/ca.pem 2>/dev/null
leaf() { # file names days
  openssl ecparam -genkey -name prime256v1 -noout -out certs/$1.key
  openssl req -new -key certs/$1.key -subj "/CN=${2%%,*}" -out certs/$1.csr 2>/dev/null
  printf 'subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\n' "${2//,/,DNS:}" > certs/$1.ext
  openssl x509 -req -in certs/$1.csr -CA certs/ca.pem -CAkey certs/ca.key -set_serial 0x$(openssl rand -hex 8) -days "$3" -extfile certs/$1.ext -out certs/$1.crt 2>/dev/null
  cat certs/$1.crt certs/ca.pem > certs/$1.pem
}
for n in mx1.good.test mx2.good.test mxta.good.test mx.plain.test tadomain.good.test postfix.plain.test; do leaf $n $n 365; done
leaf wrong other.example.test 365; leaf old old.plain.test,mxold.good.test,stsold.plain.test -1
leaf mta-sts.plain.test mta-sts.plain.test,"$(printf 'mta-sts.%s.plain.test,' enforce stswrong ststest stsother stsold stsno)$(printf 'mta-sts.%s.good.test,' daneok)mta-sts.danebad.good.test" 365
tlsa311() { openssl x509 -in certs/$1.crt -noout -pubkey | openssl pkey -pubin -outform DER | openssl sha256 -r | cut -c1-64; }
tlsa201() { openssl x509 -in certs/ca.pem -outform DER | openssl sha256 -r | cut -c1-64; }

# --- zones. Every zone names the same nameserver; the parent proves "no DS" for the unsigned ones
head_() { printf '$ORIGIN %s\n$TTL 60\n@ IN SOA ns.test. root.test. 1 3600 600 86400 60\n@ IN NS ns.test.\n' "$1"; }
{ head_ .;                 echo 'test. IN NS ns.test.';  echo 'ns.test. IN A 127.0.0.1'; echo '127.in-addr.arpa. IN NS ns.test.'; } > zones/root
{ head_ test.;             echo 'ns IN A 127.0.0.1'
  for z in good bogus expired plain mixed; do echo "$z IN NS ns.test."; done; } > zones/test
tlsa() { echo "_25._tcp.$1 IN TLSA $2"; }
sts() { echo "_mta-sts.$1 IN TXT \"v=STSv1; id=1\""; echo "mta-sts.$1 IN A 127.0.0.18"; }
ZEROS=$(printf '0%.0s' $(seq 64))
{ head_ good.test.;        echo '@ IN MX 10 mx1'; echo '@ IN MX 20 mx2'; echo 'mx1 IN A 127.0.0.11'; echo 'mx2 IN A 127.0.0.12'
  tlsa mx1 "3 1 1 $(tlsa311 mx1.good.test)"; tlsa mx2 "3 1 1 $ZEROS"                # DANE-EE matches; does not
  echo '@ IN TXT "v=spf1 ip4:127.0.0.11 -all"'; echo '_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:rua@good.test"'
  echo 'nomx IN A 127.0.0.13'; echo 'null IN MX 0 .'; echo 'alias IN CNAME nomx'
  echo 'nomxtls IN A 127.0.0.33'; tlsa nomxtls "3 1 1 $(tlsa311 wrong)"             # implicit MX with DANE
  echo 'usage2 IN MX 10 mxta'; echo 'mxta IN A 127.0.0.14'; tlsa mxta "2 0 1 $(tlsa201)"           # DANE-TA over the test CA
  echo 'taname IN MX 10 mxta2'; echo 'mxta2 IN A 127.0.0.25'; tlsa mxta2 "2 0 1 $(tlsa201)"        # a certificate for another name
  echo 'tadomain IN MX 10 mxta3'; echo 'mxta3 IN A 127.0.0.26'; tlsa mxta3 "2 0 1 $(tlsa201)"      # one for the domain, not the host
  echo 'mismatch IN MX 10 mx2'; echo 'failover IN MX 5 mx2'; echo 'failover IN MX 10 mx1'
  echo 'aliasmx IN MX 10 mxalias'; echo 'mxalias IN CNAME mx1'                      # TLSA at the alias's end
  echo 'aliasbad IN MX 10 mxbad'; echo 'mxbad IN CNAME mx2'
  echo 'aliasout IN MX 10 mxout'; echo 'mxout IN CNAME mx.plain.test.'; tlsa mxout "3 1 1 $(tlsa311 mx.plain.test)" # at its beginning
  echo 'aliasoutbad IN MX 10 mxout2'; echo 'mxout2 IN CNAME mx.plain.test.'; tlsa mxout2 "3 1 1 $ZEROS"
  echo 'oldcert IN MX 10 mxold'; echo 'mxold IN A 127.0.0.27'; tlsa mxold "3 1 1 $(tlsa311 old)"   # expired: DANE-EE does not care
  echo 'notls IN MX 10 mxno'; echo 'mxno IN A 127.0.0.28'; tlsa mxno "3 1 1 $ZEROS"                # no STARTTLS
  echo 'broken IN MX 10 mxbroken'; echo 'mxbroken IN A 127.0.0.29'; tlsa mxbroken "3 1 1 $ZEROS"   # no handshake
  echo 'unusable IN MX 10 mxun'; echo 'mxun IN A 127.0.0.30'; tlsa mxun "1 1 1 $ZEROS"             # PKIX-EE
  echo 'six IN MX 10 mx6'; echo 'mx6 IN AAAA fd00::82'; tlsa mx6 "3 1 1 $(tlsa311 wrong)"       # DANE and IPv6 alone
  echo 'sixbad IN MX 10 mx6bad'; echo 'mx6bad IN AAAA fd00::83'; tlsa mx6bad "3 1 1 $ZEROS"
  echo 'daneok IN MX 10 mx1'; sts daneok; echo 'danebad IN MX 10 mx2'; sts danebad; } > zones/good.test
{ head_ bogus.test.;       echo '@ IN MX 10 mx'; echo 'mx IN A 127.0.0.15'                     # A is bogus: defer
  echo 'tlsa IN MX 10 mxt'; echo 'mxt IN A 127.0.0.19'; echo "_25._tcp.mxt IN TLSA 3 1 1 $(printf 'b%.0s' $(seq 64))"; } > zones/bogus.test  # only TLSA bogus: defer too
{ head_ expired.test.;     echo '@ IN MX 10 mx'; echo 'mx IN A 127.0.0.16'; } > zones/expired.test
{ head_ plain.test.;       echo '@ IN MX 10 mx'; echo 'mx IN A 127.0.0.17'; echo '_mta-sts IN TXT "v=STSv1; id=1"'; echo 'mta-sts IN A 127.0.0.18'
  echo '_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls@plain.test"'
  tlsa mx "3 1 1 $(printf 'a%.0s' $(seq 64))"                                       # TLSA without DNSSEC: must be ignored
  while read -r n a; do
    case $a in '') ;; *:*) echo "$n IN AAAA $a" ;; *) echo "$n IN A 127.0.0.$a" ;; esac
  done <<<"${HOSTS:-}"
  while read -r n p h; do [ -z "$n" ] || echo "$n IN MX $p $h"; done <<<"${MXS:-}"
  echo 'cmx IN CNAME mx'
  for z in enforce stswrong ststest stsother stsold stsno; do sts $z; done; } > zones/plain.test
{ head_ mixed.test.;       echo '@ IN MX 10 mx.plain.test.'; } > zones/mixed.test     # signed MX, insecure host: DANE off for it
{ head_ 127.in-addr.arpa.; echo '11.0.0 IN PTR mx1.good.test.'; echo '12.0.0 IN PTR mx2.good.test.'; echo '17.0.0 IN PTR nothing.plain.test.'; } > zones/127.in-addr.arpa

# --- keys and signatures, children first so that their DS go into the parent
sign() { # zone file parentfile|- [extra ldns-signzone arguments]
  local z=$1 f=$2 p=$3; shift 3
  local zsk=$(cd keys && ldns-keygen -a ECDSAP256SHA256 "$z") ksk=$(cd keys && ldns-keygen -k -a ECDSAP256SHA256 "$z")
  ldns-signzone -n "$@" -o "$z" -f zones/$f.signed zones/$f keys/$zsk keys/$ksk
  [ "$p" = - ] || cat keys/$ksk.ds >> zones/$p
  KSK=$ksk
}
D=$(date -u -d '-40 days' +%Y%m%d); E=$(date -u -d '-10 days' +%Y%m%d)
sign good.test. good.test test; sign mixed.test. mixed.test test
sign bogus.test. bogus.test test; sed -i -E 's/127\.0\.0\.15/127.0.0.99/; /TLSA[[:space:]]+3/s/b{64}/'$(printf 'c%.0s' $(seq 64))/ zones/bogus.test.signed       # data changed after signing
sign expired.test. expired.test test -i $D -e $E
sign test. test root; sign . root -
ROOT=$KSK

# --- nsd
{ printf 'server:\n  ip-address: 127.0.0.1@%s\n  username: ""\n  chroot: ""\n  zonesdir: "%s/zones"\n  database: ""\n  pidfile: "%s/nsd.pid"\n  logfile: "%s/nsd.log"\n  xfrdfile: "%s/xfrd.state"\n  zonelistfile: "%s/zone.list"\n  cookie-secret-file: "%s/cookie"\n  server-count: 1\n  hide-version: yes\nremote-control:\n  control-enable: no\n' "$AUTH" "$DIR" "$DIR" "$DIR" "$DIR" "$DIR" "$DIR"
  for z in .:root test.:test good.test.:good.test bogus.test.:bogus.test expired.test.:expired.test mixed.test.:mixed.test; do printf 'zone:\n  name: "%s"\n  zonefile: "%s.signed"\n' "${z%%:*}" "${z##*:}"; done
  for z in plain.test 127.in-addr.arpa; do printf 'zone:\n  name: "%s"\n  zonefile: "%s"\n' $z $z; done; } > nsd.conf
nsd-checkconf nsd.conf; nsd -c "$DIR/nsd.conf"

# --- unbound
cat > unbound.conf <<U
server:
  interface: 127.0.0.1@$REC
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "$DIR"
  pidfile: "$DIR/unbound.pid"
  logfile: "$DIR/unbound.log"
  use-syslog: no
  module-config: "validator iterator"
  trust-anchor-file: "$DIR/keys/$ROOT.ds"
  do-not-query-localhost: no          # without it the upstream on 127.0.0.1 is never asked
  do-ip6: no
  local-zone: "test." nodefault       # unbound answers NXDOMAIN itself for these two unless told
  local-zone: "127.in-addr.arpa." nodefault
  qname-minimisation: no
  val-log-level: 2
  cache-max-ttl: 5
  cache-max-negative-ttl: 1
  val-bogus-ttl: 1
  num-threads: 1
remote-control:
  control-enable: no
stub-zone:
  name: "."
  stub-addr: 127.0.0.1@$AUTH
U
for z in test good.test bogus.test expired.test mixed.test plain.test 127.in-addr.arpa; do printf 'stub-zone:\n  name: "%s."\n  stub-addr: 127.0.0.1@%s\n' $z "$AUTH"; done >> unbound.conf
unbound-checkconf unbound.conf >/dev/null; unbound -c "$DIR/unbound.conf"
echo "DNS=127.0.0.1:$REC AUTH=127.0.0.1:$AUTH DIR=$DIR"
