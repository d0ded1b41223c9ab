#!/bin/bash
# An authority that issues certificates by ACME (Debian package pebble), on loopback: its directory is at
# https://127.0.0.1:14000/dir, under a certificate of the laboratory's own authority. It asks the laboratory's DNS for each name
# and then that host itself, so that every name has to lead to an address of the laboratory.
#   pebble.sh LABDIR WORKDIR [http-01 port, default 15080] [tls-alpn-01 port, default 15443] [DNS, default 127.0.0.1:15353]
# Runs in the foreground.
set -e
L=${1:?LABDIR} W=${2:?WORKDIR}; mkdir -p "$W"
openssl ecparam -genkey -name prime256v1 -noout -out "$W/p.key"
openssl req -new -key "$W/p.key" -subj /CN=localhost -out "$W/p.csr" 2>/dev/null
openssl x509 -req -in "$W/p.csr" -CA "$L/certs/ca.pem" -CAkey "$L/certs/ca.key" -set_serial 77 -days 30 -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out "$W/p.crt" 2>/dev/null
cat > "$W/pebble.json" <<J
{"pebble":{"listenAddress":"127.0.0.1:14000","managementListenAddress":"127.0.0.1:15000","certificate":"$W/p.crt","privateKey":"$W/p.key",
"httpPort":${3:-15080},"tlsPort":${4:-15443},"ocspResponderURL":"","externalAccountBindingRequired":false}}
J
export PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
exec pebble -config "$W/pebble.json" -dnsserver "${5:-127.0.0.1:15353}" -strict
