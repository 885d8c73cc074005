# shellcheck shell=bash
# The relay under test. Needs cache.sh, lib.sh and the settings of env.

# find_relay: sets SIGRELAY, or fails.
find_relay() {
	local repo candidate
	repo=$(cd "$STACK_DIR/../.." && pwd)
	if [ -n "${SIGRELAY:-}" ]; then
		[ -x "$SIGRELAY" ] || die "SIGRELAY=$SIGRELAY is no program that can be run"
		return 0
	fi
	for candidate in "$repo/build/dev/sigrelay" "$repo/build/release/sigrelay"; do
		if [ -x "$candidate" ]; then
			SIGRELAY=$candidate
			return 0
		fi
	done
	return 1
}

# start_relay OPTION...: `sigrelay serve` in front of the whole stack, on STACK_RELAY.
start_relay() {
	has_ended relay || return 0
	launch relay "$SIGRELAY" serve \
		--rekor-url="$STACK_REKOR_URL" --fulcio-url="$STACK_FULCIO_URL" --tsa-url="$STACK_TSA_URL" \
		--listen="$STACK_RELAY" --admin-listen="$STACK_RELAY_ADMIN" "$@"
	up_or_die relay 10 http_ok "http://$STACK_RELAY_ADMIN/readyz"
}
