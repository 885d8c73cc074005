# shellcheck shell=bash
# What every script of the stack uses: waiting for conditions, and processes
# that can be found again and ended for certain. Needs cache.sh.
#
# A stack lives in one folder, STACK_HOME:
#   env       what a user of the stack needs to know; written last, so that a
#             folder without it holds a stack that is not up
#   pid/NAME  process id and start time;  log/NAME.log  what it said
#   trust/    keys, certificates, trusted root, signing config
#   db/ registry/ etc/ run/  what the parts keep

now_ms() { printf '%s\n' $(($(date +%s%N) / 1000000)); }

# wait_for WHAT SECONDS COMMAND...: polls until COMMAND succeeds. Fails, and
# says so, when it has not within SECONDS.
wait_for() {
	local what=$1 limit=$2 began
	shift 2
	began=$(now_ms)
	until "$@" >/dev/null 2>&1; do
		if [ $(($(now_ms) - began)) -ge $((limit * 1000)) ]; then
			say "waited $limit s in vain for: $what"
			return 1
		fi
		sleep 0.05
	done
}

http_ok() { curl -sf -m 5 -o /dev/null "$1"; }

# post URL: an order to lossy or oidc; the answer on stdout.
post() { curl -sSf -m 10 -X POST "$1"; }

# started_at PID: the kernel's start time of a process; tells a process from a
# later one with its number. A zombie has ended and has none.
started_at() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	stat=${stat##*) }
	[ "${stat%% *}" != Z ] || return 1
	awk '{ print $20 }' <<<"$stat"
}

# launch NAME COMMAND...: runs COMMAND in a session of its own, so that no
# signal meant for the caller reaches it.
launch() {
	local name=$1 pid
	shift
	setsid "$@" >>"$STACK_HOME/log/$name.log" 2>&1 </dev/null &
	pid=$!
	disown "$pid"
	printf '%s %s\n' "$pid" "$(started_at "$pid")" >"$STACK_HOME/pid/$name"
}

# pid_of NAME: its process id, if that process still runs.
pid_of() {
	local pid start
	read -r pid start 2>/dev/null <"$STACK_HOME/pid/$1" || return 1
	[ "$(started_at "$pid")" = "$start" ] || return 1
	printf '%s\n' "$pid"
}

has_ended() { ! pid_of "$1" >/dev/null; }

# ended_or NAME COMMAND...: true when waiting for NAME is over, well or ill.
ended_or() {
	local name=$1
	shift
	has_ended "$name" || "$@"
}

# signal_part SIGNAL NAME: to the process and all that it has started.
signal_part() {
	local pid
	pid=$(pid_of "$2") && kill -s "$1" -- "-$pid" 2>/dev/null
}

# end_part NAME: asks, waits a little, then does not ask. Paused processes are
# woken, or they would hear nothing.
end_part() {
	signal_part TERM "$1" || return 0
	signal_part CONT "$1" || return 0
	wait_for "$1 to end after SIGTERM" 1 has_ended "$1" 2>/dev/null && return 0
	signal_part KILL "$1" || return 0
	wait_for "$1 to end after SIGKILL" 10 has_ended "$1"
}

# up_or_die NAME SECONDS COMMAND...: a part is up when COMMAND succeeds, and
# will never be if its process has ended.
up_or_die() {
	local name=$1 limit=$2
	shift 2
	if wait_for "$name to be up" "$limit" ended_or "$name" "$@" && ! has_ended "$name"; then
		return 0
	fi
	tail -n 20 "$STACK_HOME/log/$name.log" >&2
	die "$name did not come up: its last words are above, all of them in $STACK_HOME/log/$name.log"
}

# load_env DIR: the settings of a stack that is up.
load_env() {
	[ -r "$1/env" ] || die "no stack is up in $1 (no $1/env): start one with $STACK_DIR/up.sh"
	set -a
	# shellcheck disable=SC1091
	. "$1/env"
	set +a
}
