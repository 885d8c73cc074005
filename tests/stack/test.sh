#!/bin/bash
# The tests on the real services. One line a test, and a count at the end.
#
#   tests/stack/test.sh [--without-relay] [--keep] [--list] [NAME...]
#
# NAME is a test's name or a shell pattern (quote it): 'incident*'. The relay is
# SIGRELAY, else build/dev/sigrelay, else build/release/sigrelay; without one the
# tests that need it fail, or are skipped if --without-relay says so.
# Logs of a run in which something failed are kept, and their place is told;
# --keep keeps them always.
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
# shellcheck source-path=SCRIPTDIR source=registries.sh
. "$STACK_DIR/registries.sh"
# shellcheck source-path=SCRIPTDIR source=tests.sh
. "$STACK_DIR/tests.sh"
# shellcheck source-path=SCRIPTDIR source=registry_tests.sh
. "$STACK_DIR/registry_tests.sh"
# shellcheck source-path=SCRIPTDIR source=outages.sh
. "$STACK_DIR/outages.sh"

PASSED=0 FAILED=0 SKIPPED=0
WITHOUT_RELAY=
KEEP=
HAVE_RELAY=
USED_UP=

# wanted NAME PATTERN...: without patterns everything is.
wanted() {
	local name=$1 pattern
	shift
	[ $# -gt 0 ] || return 0
	for pattern; do
		# shellcheck disable=SC2053 # it is a pattern
		if [[ $name == $pattern ]]; then return 0; fi
	done
	return 1
}

# leave_nothing: ends what a test that broke off has left paused or running, and
# tells what went through the shim while it is known.
leave_nothing() {
	local job
	set +x
	end_outages
	for job in $(jobs -p); do
		# A subshell's client does not end with it; it would meet a later test.
		pkill -P "$job" || true
		kill "$job" 2>/dev/null || true
	done
	transcript >requests
}

# run_alone NAME COMMAND...: a test in a process and a folder of its own. Called
# as a plain command, so that set -e holds inside. What is said goes to NAME.log,
# each step that is taken to NAME.trace.
run_alone() {
	(
		set -Eeuo pipefail
		mkdir -p "$RUN_DIR/$1" && cd "$RUN_DIR/$1"
		exec 7>"$RUN_DIR/$1.trace"
		export HOME=$PWD
		shift
		trap leave_nothing EXIT
		trap 'echo "FAILED: $BASH_COMMAND (line $LINENO of ${FUNCNAME[0]:-the runner})" >&2' ERR
		post "$STACK_REKOR_CONTROL/reset" >/dev/null
		post "$STACK_FULCIO_CONTROL/reset" >/dev/null
		post "$STACK_TSA_CONTROL/reset" >/dev/null
		BASH_XTRACEFD=7
		PS4='+ ${SECONDS}s ${FUNCNAME[0]:-}: '
		set -x
		"$@"
	) >"$RUN_DIR/$1.log" 2>&1 </dev/null
}

passed() {
	PASSED=$((PASSED + 1))
	echo "ok - $1"
}

failed() {
	FAILED=$((FAILED + 1))
	echo "not ok - $1"
	[ ! -f "$RUN_DIR/$1.log" ] || tail -n 12 "$RUN_DIR/$1.log" | cut -c 1-400 | sed 's/^/    /'
	[ ! -s "$RUN_DIR/$1/requests" ] || sed 's/^/    rekor: /' "$RUN_DIR/$1/requests" | tail -n 12
	echo "    all of it: $RUN_DIR/$1.log, .trace, /"
}

# ready_relay NEEDS: an outage stays in a relay's mind. Tests that make one get a
# relay of their own, and so does whoever comes after them.
ready_relay() {
	if [ "$1" = fresh ] || [ -n "$USED_UP" ]; then
		end_part relay
		start_relay
	fi
	USED_UP=
	[ "$1" != fresh ] || USED_UP=yes
}

# run_test NAME NEEDS COMMAND...: NEEDS is nothing, relay, or fresh (a relay that
# has served nobody before).
run_test() {
	local name=$1 needs=$2 status began=$SECONDS
	shift 2
	if [ "$needs" != nothing ] && [ -z "$HAVE_RELAY" ]; then
		if [ -n "$WITHOUT_RELAY" ]; then
			SKIPPED=$((SKIPPED + 1))
			echo "skipped - $name: --without-relay"
		else
			echo "no relay: none in SIGRELAY, build/dev or build/release; build it, or say --without-relay" >"$RUN_DIR/$name.log"
			failed "$name"
		fi
		return
	fi
	[ "$needs" = nothing ] || ready_relay "$needs"
	set +e
	run_alone "$name" "$@"
	status=$?
	set -e
	printf '%5d s  %s\n' $((SECONDS - began)) "$name" >>"$RUN_DIR/times"
	if [ "$status" -eq 0 ]; then passed "$name"; else failed "$name"; fi
}

finish() {
	if [ -n "${STACK_HOME:-}" ] && [ -d "$STACK_HOME/pid" ]; then
		"$STACK_DIR/down.sh" --keep "$STACK_HOME" || true
	fi
	if [ "$FAILED" -gt 0 ] || [ -z "${DONE:-}" ] || [ -n "$KEEP" ]; then
		say "logs are kept: tests in $RUN_DIR, services in $RUN_DIR/stack/log"
	else
		rm -rf "$RUN_DIR"
	fi
	# Last of all, whatever else is said.
	[ -z "${DONE:-}" ] || echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
}

read_arguments() {
	LIST=
	PATTERNS=()
	while [ $# -gt 0 ]; do
		case $1 in
		--without-relay) WITHOUT_RELAY=yes ;;
		--keep) KEEP=yes ;;
		--list) LIST=yes ;;
		-*) die "unknown option '$1': expected --without-relay, --keep, --list or names of tests" ;;
		*) PATTERNS+=("$1") ;;
		esac
		shift
	done
}

# chosen: the lines of all tests whose name is wanted.
chosen() {
	local line
	{ all_tests && registry_tests; } | while read -r line; do
		if wanted "${line%% *}" "${PATTERNS[@]}"; then printf '%s\n' "$line"; fi
	done
}

main() {
	local line test lines
	read_arguments "$@"
	mapfile -t lines < <(chosen)
	[ ${#lines[@]} -gt 0 ] || die "no test is called ${PATTERNS[*]}: see --list"
	if [ -n "$LIST" ]; then
		printf '%s\n' "${lines[@]%% *}"
		return
	fi
	RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/sigrelay-test.XXXXXX")
	STACK_HOME=$RUN_DIR/stack
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	"$STACK_DIR/up.sh" "$STACK_HOME" >/dev/null
	load_env "$STACK_HOME"
	if find_relay; then
		HAVE_RELAY=yes
		start_relay
	fi
	for line in "${lines[@]}"; do
		read -ra test <<<"$line"
		run_test "${test[@]}"
	done
	DONE=yes
	[ "$FAILED" -eq 0 ]
}

main "$@"
