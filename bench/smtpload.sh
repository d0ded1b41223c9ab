#!/bin/bash
# smtpload.sh PORT RCPT MESSAGES SESSIONS [SIZE=8000] [POSTFIX_ETC] : one run of Postfix's smtp-source on kept connections,
# or, with FRESH=1 in the environment, on a new connection for each message.
# RCPT may hold a %d: then each session delivers to a mailbox of its own, 1 to SESSIONS.
# Prints accepted messages/s and, with POSTFIX_ETC, messages/s until that Postfix's queue is empty (its acceptance is not
# delivery; ours must be durable in the mailbox at 250).
P=$1 R=$2 M=$3 S=$4 L=${5:-8000} Q=${6:-}
keep=(-d); [ -z "${FRESH:-}" ] || keep=()
s=$(date +%s.%N)
case $R in
*%d*)
  pids=()
  for i in $(seq 1 "$S"); do
    smtp-source "${keep[@]}" -s 1 -m $((M / S)) -l "$L" -f sender@peer.test -t "${R/\%d/$i}" "127.0.0.1:$P" & pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || exit 1; done
  M=$((M / S * S))
  ;;
*) smtp-source "${keep[@]}" -s "$S" -m "$M" -l "$L" -f sender@peer.test -t "$R" "127.0.0.1:$P" || exit 1 ;;
esac
e=$(date +%s.%N); d=$e
if [ -n "$Q" ]; then until postqueue -c "$Q" -p | grep -q 'queue is empty'; do sleep 0.1; done; d=$(date +%s.%N); fi
awk -v s="$s" -v e="$e" -v d="$d" -v m="$M" -v n="$S" 'BEGIN{printf "sessions=%d messages=%d accepted/s=%.0f delivered/s=%.0f\n",n,m,m/(e-s),m/(d-s)}'
