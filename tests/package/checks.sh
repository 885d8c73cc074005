# shellcheck shell=sh
# What the scripts of this folder count with; they source it.
#
#   log=FILE        for a check's output: set it first
#   passed, failed, skipped
: "${log:?is to be set before checks.sh is sourced}"
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)) && echo "ok - $1"; }
bad() { # what to show comes on stdin
	failed=$((failed + 1))
	echo "not ok - $1"
	tail -n 60 | sed 's/^/    /'
}
skip() { skipped=$((skipped + 1)) && echo "skip - $1: $2"; }
# check NAME COMMAND...: passes when the command does; its output is shown when not.
check() {
	checked=$1
	shift
	if "$@" >"$log" 2>&1; then ok "$checked"; else bad "$checked" <"$log"; fi
}
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}
