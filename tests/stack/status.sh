#!/bin/bash
# Says of each process of a stack whether it runs. Fails if one does not.
#
#   tests/stack/status.sh DIR
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cache.sh
. "$(dirname "$0")/cache.sh"
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$STACK_DIR/lib.sh"

# word PID: running, or paused (SIGSTOP).
word() {
	local stat
	stat=$(<"/proc/$1/stat")
	stat=${stat##*) }
	case ${stat%% *} in
	T) echo paused ;;
	*) echo running ;;
	esac
}

main() {
	local file name pid all=0
	[ $# -eq 1 ] || die "expected the DIR of one stack, got $# arguments"
	[ -d "$1/pid" ] || die "$1 holds no stack (no $1/pid)"
	STACK_HOME=$1
	[ -e "$1/env" ] || say "$1 is not up: it has no env file (yet)"
	for file in "$1"/pid/*; do
		name=${file##*/}
		if pid=$(pid_of "$name"); then
			printf '%-14s %7d  %s\n' "$name" "$pid" "$(word "$pid")"
		else
			printf '%-14s %7s  gone: see %s\n' "$name" - "$1/log/$name.log"
			all=1
		fi
	done
	return $all
}

main "$@"
