#!/bin/bash
# Ends a stack and removes its folder.
#
#   tests/stack/down.sh DIR          ends the one in DIR
#   tests/stack/down.sh --keep DIR   ends it, and leaves logs and data
#
# Only processes that up.sh or a test started in DIR are ended: each is known by
# its id and its start time.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cache.sh
. "$(dirname "$0")/cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$STACK_DIR/lib.sh"

main() {
	local keep='' name
	if [ "${1:-}" = --keep ]; then
		keep=yes
		shift
	fi
	[ $# -eq 1 ] || die "expected the DIR of one stack, got $# arguments"
	[ -d "$1/pid" ] || die "$1 holds no stack (no $1/pid)"
	STACK_HOME=$(cd "$1" && pwd)
	rm -f "$STACK_HOME/env"
	# All at once: each is given its own time to end.
	for name in "$STACK_HOME"/pid/*; do
		[ -e "$name" ] || continue
		end_part "${name##*/}" &
	done
	wait
	for name in "$STACK_HOME"/pid/*; do
		[ -e "$name" ] || continue
		has_ended "${name##*/}" || die "${name##*/} (process $(pid_of "${name##*/}")) survived SIGKILL"
	done
	rm -rf "$STACK_HOME/pid"
	[ -n "$keep" ] || rm -rf "$STACK_HOME"
}

main "$@"
