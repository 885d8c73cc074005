#!/bin/bash
# Measures what the relay's own polling is worth on a slow log: the log signer
# is paused, a client signs, the signer goes on, and the time is taken from the
# moment the entry can be read to the moment the client has its answer.
#
#   tests/stack/slowlog.sh [--without-relay] [SECONDS...]     default: 2 10 34
#
# Prints a table. The clients are each cosign, and curl with one plain POST,
# which shows the service itself without a client's retries. A poll takes some
# ten milliseconds, and so the times are no more exact than that; a cosign's
# time has in it what it does after the answer (verify, write the bundle).
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cache.sh
. "$(dirname "$0")/cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$STACK_DIR/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cosign.sh
. "$STACK_DIR/cosign.sh"
# shellcheck source-path=SCRIPTDIR source=incident.sh
. "$STACK_DIR/incident.sh"
# shellcheck source-path=SCRIPTDIR source=relay.sh
. "$STACK_DIR/relay.sh"

# new_entry FILE: a hashedrekord over fresh bytes with a fresh key, as a POST body.
new_entry() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null
	openssl rand -hex 32 >"$1.data"
	openssl dgst -sha256 -sign "$1.key" -out "$1.sig" "$1.data"
	jq -n --arg hash "$(sha256sum "$1.data" | cut -d ' ' -f 1)" --arg signature "$(base64 -w 0 "$1.sig")" \
		--arg key "$(openssl pkey -in "$1.key" -pubout | base64 -w 0)" \
		'{apiVersion: "0.0.1", kind: "hashedrekord", spec: {
			data: {hash: {algorithm: "sha256", value: $hash}},
			signature: {content: $signature, publicKey: {content: $key}}}}' >"$1"
}

# plain_post VIA FILE
plain_post() {
	local url=$STACK_REKOR_URL
	[ "$1" = direct ] || url=http://$STACK_RELAY
	curl -sS -o "$2.answer" -w '%{http_code}' -H 'Content-Type: application/json' -H 'Accept: application/json' \
		--data-binary "@$2" "$url/api/v1/log/entries" >"$2.said" 2>&1
}

# prepare and client are one case each of what is measured.
prepare() {
	WORK=$RUN_DIR/$1-$2-$3
	mkdir -p "$WORK"
	if [ "$1" = curl ]; then
		new_entry "$WORK/entry"
	else
		point_cosign "$1" "$2"
		date >"$WORK/entry"
	fi
}

client() {
	local status=0
	if [ "$1" = curl ]; then
		plain_post "$2" "$WORK/entry" || status=$?
	else
		sign_blob "$WORK/entry" >"$WORK/entry.said" 2>&1 || status=$?
	fi
	now_ms >"$WORK/answered_at"
	return "$status"
}

# outcome STATUS CLIENT: a word for how it ended.
outcome() {
	case $1:$2 in
	0:curl) echo "answer $(cat "$WORK/entry.said")" ;;
	0:*) echo signed ;;
	52:curl) echo 'empty reply' ;;
	*) echo "failed: $(grep -oE '\[(GET|POST)[^{]*|[Ee]rror: .*' "$WORK/entry.said" | tail -n 1 | cut -c 1-70)" ;;
	esac
}

create_is_open() { [ "$(counts ".open[\"$CREATE\"] // 0")" -ge 1 ]; }

# measure CLIENT VIA SECONDS: one line of the table.
measure() {
	local size pid status=0 readable answered
	prepare "$@"
	post "$STACK_REKOR_CONTROL/reset" >/dev/null
	size=$(log_size)
	pause_signer
	client "$1" "$2" &
	pid=$!
	wait_for "the POST of $1 $2 to reach the log" 30 create_is_open
	sleep "$3"
	resume_signer
	wait_for 'the entry to be readable' 60 has_entry "$size"
	readable=$(now_ms)
	wait "$pid" || status=$?
	answered=$(<"$WORK/answered_at")
	transcript >"$WORK/transcript"
	printf '%6s  %-7s  %-7s  %10d  %s\n' "$3" "$1" "$2" $((answered - readable)) "$(outcome "$status" "$1")"
}

finish() {
	resume_signer || true
	"$STACK_DIR/down.sh" "$STACK_HOME"
	if [ -n "${DONE:-}" ]; then rm -rf "$RUN_DIR"; else say "what was said is in $RUN_DIR"; fi
}

main() {
	local seconds client via vias='direct serve'
	if [ "${1:-}" = --without-relay ]; then
		vias=direct
		shift
	else
		find_relay || die "no relay: set SIGRELAY, build it, or say --without-relay"
	fi
	[ $# -gt 0 ] || set -- 2 10 34
	RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/sigrelay-slowlog.XXXXXX")
	STACK_HOME=$RUN_DIR/stack
	"$STACK_DIR/up.sh" "$STACK_HOME" >/dev/null
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	load_env "$STACK_HOME"
	export HOME=$RUN_DIR
	[ "$vias" = direct ] || start_relay
	printf '%6s  %-7s  %-7s  %10s  %s\n' pause client via 'ms later' outcome
	for seconds; do
		for client in curl $COSIGNS; do
			for via in $vias; do
				measure "$client" "$via" "$seconds"
			done
		done
	done
	DONE=yes
}

main "$@"
