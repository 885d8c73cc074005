#!/bin/bash
# The commands as a user meets them: exit codes, signals, environment, reload.
#
#   tests/commands/run_test.sh PROGRAM [NAME]   all tests, or one by its name
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
[ -x "${1:-}" ] || {
	echo "usage: $0 PROGRAM [NAME]: '${1:-}' is no program" >&2
	exit 64
}
SIGRELAY=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
ONLY=${2:-}
WORK=$(mktemp -d)
SERVER=
# A subshell that a signal ends early goes through this trap too, and the test
# in it may fail there: what follows an || would be done.
trap '[ "$BASHPID" = $$ ] && rm -rf "$WORK"' EXIT

# Nothing of the caller's own configuration has a say.
for name in $(compgen -e | grep -E '^(COSIGN|SIGSTORE|GITSIGN|TUF|SIGRELAY|XDG|NOTIFY)_'); do unset "$name"; done
unset NO_PROXY no_proxy
export HOME=$WORK/home TMPDIR=$WORK/tmp GIT_CONFIG_NOSYSTEM=1
mkdir -p "$HOME" "$TMPDIR" "$WORK/bin"
# A PATH without any cosign but the ones made here.
PLAIN_PATH=$WORK/bin:/usr/bin:/bin
export PATH=$PLAIN_PATH

# --- helpers -------------------------------------------------------------------

fail() {
	printf '    %s\n' "$*" >&2
	FAILED=yes
}

# is WHAT GOT WANTED
is() { [ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"; }
has() { case $2 in *"$3"*) ;; *) fail "$1: '$3' is not in: $2" ;; esac; }
lacks() { case $2 in *"$3"*) fail "$1: '$3' is in: $2" ;; esac; }

# exits CODE ARG…: runs sigrelay, output in OUT and ERR.
exits() {
	local wanted=$1 code
	shift
	"$SIGRELAY" "$@" >"$WORK/out" 2>"$WORK/err"
	code=$?
	OUT=$(<"$WORK/out")
	ERR=$(<"$WORK/err")
	is "exit code of $*" "$code" "$wanted"
}

# wait_for FILE: until it is there and not empty.
wait_for() {
	local n
	for ((n = 0; n < 200; n++)); do
		[ -s "$1" ] && return 0
		sleep 0.05
	done
	fail "$1 did not come"
	return 1
}

wait_for_line() {
	local n
	for ((n = 0; n < 200; n++)); do
		grep -q -- "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	fail "'$2' did not come in $1: $(cat "$1" 2>/dev/null)"
	return 1
}

# fake_cosign VERSION: a cosign on PATH that says this version, and else prints
# what it was given.
fake_cosign() {
	cat >"$WORK/bin/cosign" <<-EOF
		#!/bin/sh
		[ "\$1" = version ] && { echo '{"gitVersion":"$1"}'; exit 0; }
		env
		[ -n "\${COSIGN_SIGNING_CONFIG:-}" ] && cat "\$COSIGN_SIGNING_CONFIG"
		exit 0
	EOF
	chmod +x "$WORK/bin/cosign"
}

no_cosign() { rm -f "$WORK/bin/cosign"; }

# start_serve ARG…: SERVER is its process; sets URL and ADMIN.
start_serve() {
	: >"$WORK/serve.out"
	"$SIGRELAY" serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 "$@" >"$WORK/serve.out" 2>"$WORK/serve.err" &
	SERVER=$!
	if ! wait_for_line "$WORK/serve.out" '^admin on '; then
		fail "serve's stderr: $(<"$WORK/serve.err")"
		return 1
	fi
	URL=$(sed -n 's,^listening on ,,p' "$WORK/serve.out")
	ADMIN=$(sed -n 's,^admin on ,,p' "$WORK/serve.out")
}

# ends CODE: the server ends with it.
ends() {
	wait "$SERVER"
	is 'exit code of serve' $? "$1"
	SERVER=
}

# --- run -----------------------------------------------------------------------

test_exit_code_is_the_commands() {
	exits 0 run -- true
	exits 9 run -- sh -c 'exit 9'
	exits 255 run -- sh -c 'exit 255'
}

test_death_by_signal_is_128_and_its_number() {
	exits 143 run -- sh -c 'kill -TERM $$'
	exits 137 run -- sh -c 'kill -KILL $$'
}

test_what_cannot_be_run() {
	exits 127 run -- "$WORK/no-such-command"
	has stderr "$ERR" "cannot run '$WORK/no-such-command': No such file or directory"
	echo 'no program' >"$WORK/plain"
	exits 126 run -- "$WORK/plain"
	has stderr "$ERR" "cannot run '$WORK/plain': Permission denied"
}

test_wrong_usage_is_64() {
	exits 64 run
	exits 64 run true
	exits 64 run --
	exits 64 run --retyr-for=1s -- true
	has stderr "$ERR" '--retry-for'
	exits 64 run --client=cosign9 -- true
	exits 64 run stray -- true
	exits 64
	exits 64 srve
	has stderr "$ERR" 'did you mean serve'
	exits 64 status --jsn
	exits 64 serve stray
}

test_bad_configuration_is_78() {
	exits 78 run --retry-for=soon -- true
	has stderr "$ERR" retry-for
	printf '[sigrelay]\nretry_fro = 1s\n' >"$WORK/bad.ini"
	exits 78 run --config "$WORK/bad.ini" -- true
	has stderr "$ERR" "$WORK/bad.ini:2"
	SIGRELAY_RETRY_FOR=x exits 78 run -- true
}

test_values_that_contradict_each_other_are_78() {
	wanted="probe_interval = 2m ($WORK/bad.ini:2) is more than probe_max = 90s (flag)"
	printf '[sigrelay]\nprobe_interval = 2m\n' >"$WORK/bad.ini"
	exits 78 serve --config "$WORK/bad.ini" --probe-max 90s --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0
	has stderr "$ERR" "$wanted"
	exits 78 run --config "$WORK/bad.ini" --probe-max 90s -- touch "$WORK/ran"
	has stderr "$ERR" "$wanted"
	[ ! -e "$WORK/ran" ] || fail 'the command ran'
	exits 78 check-config --probe-max 90s "$WORK/bad.ini"
	has stderr "$ERR" "$wanted"
}

# Else they would look like an outage of Sigstore.
test_files_that_cannot_be_used_are_78() {
	printf 'no certificate\n' >"$WORK/junk"
	exits 78 serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --tls-cert-file "$WORK/none" --tls-key-file "$WORK/none"
	has stderr "$ERR" "tls_cert_file = $WORK/none cannot be used: No such file"
	exits 78 run --ca-file "$WORK/none" -- touch "$WORK/ran"
	has stderr "$ERR" "ca_file = $WORK/none cannot be used: No such file"
	exits 78 run --ca-file "$WORK/junk" -- touch "$WORK/ran"
	has stderr "$ERR" "ca_file = $WORK/junk cannot be used"
	exits 78 run --upstream-cert-file "$WORK/junk" --upstream-key-file "$WORK/junk" -- touch "$WORK/ran"
	has stderr "$ERR" "upstream_cert_file = $WORK/junk cannot be used"
	[ ! -e "$WORK/ran" ] || fail 'the command ran'
}

test_the_demo_says_what_it_cannot_do() {
	TMPDIR=$WORK/none exits 1 demo
	has stdout "$OUT" 'cannot make a folder below TMPDIR'
}

test_nothing_runs_after_an_error() {
	exits 78 run --retry-for=soon -- touch "$WORK/ran"
	[ ! -e "$WORK/ran" ] || fail 'the command ran'
}

test_output_and_input_pass() {
	is stdout "$(echo in | "$SIGRELAY" run -- sh -c 'cat; echo out; echo err >&2' 2>"$WORK/err")" "in
out"
	has stderr "$(<"$WORK/err")" err
}

test_a_dash_dash_help_of_the_command_is_the_commands() {
	# shellcheck disable=SC2016
	exits 0 run -- sh -c 'echo "$1"' sh --help
	is stdout "$OUT" --help
}

test_signals_are_forwarded() {
	local name pid
	for name in TERM INT HUP QUIT USR1 USR2; do
		rm -f "$WORK/ready" "$WORK/got"
		# An interactive parent leaves no signal ignored; a job of a script does
		# (SIGINT, SIGQUIT), so they are set back first.
		# shellcheck disable=SC2016
		python3 "$HERE/default_signals.py" "$SIGRELAY" run -- bash -c '
			trap "echo '$name' >>\"$1\"; exit 5" '$name'
			echo ready >"$0"
			for ((i = 0; i < 200; i++)); do sleep 0.05; done' "$WORK/ready" "$WORK/got" &
		pid=$!
		wait_for "$WORK/ready" || return
		kill -"$name" "$pid"
		wait "$pid"
		is "exit code after $name" $? 5
		is "what the command got" "$(<"$WORK/got")" "$name"
	done
}

test_a_terminals_ctrl_c_reaches_the_command_once() {
	OUT=$(python3 "$HERE/ctrl_c.py" "$SIGRELAY" run -- python3 "$HERE/count_signals.py")
	is 'what came of Ctrl-C' "$OUT" 'got 1, ended with 3'
}

test_the_end_of_the_command_ends_it_at_once() {
	local began=$SECONDS
	exits 3 run -- sh -c 'sleep 20 >/dev/null 2>&1 & exit 3'
	[ $((SECONDS - began)) -lt 10 ] || fail 'it waited for a grandchild'
}

test_the_command_gets_signals_and_files_as_they_were() {
	local direct through
	direct=$(sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd')
	through=$("$SIGRELAY" run -- sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd')
	is 'signals and open files' "$through" "$direct"
	through=$(
		trap '' HUP
		"$SIGRELAY" run -- sh -c 'kill -HUP $$; echo lives'
	)
	is 'with SIGHUP ignored' "$through" lives
}

test_the_private_folder_is_private_and_goes() {
	local pid
	fake_cosign v3.1.3
	# shellcheck disable=SC2016 # for the shell that is run
	exits 0 run -- sh -c 'stat -c "%a %F" "$(dirname "$COSIGN_SIGNING_CONFIG")" "$COSIGN_SIGNING_CONFIG"'
	is modes "$OUT" "700 directory
600 regular file"
	rm -f "$WORK/ready"
	# shellcheck disable=SC2016
	"$SIGRELAY" run -- sh -c 'echo "$COSIGN_SIGNING_CONFIG" >"$0"; exec sleep 20' "$WORK/ready" 2>/dev/null &
	pid=$!
	wait_for "$WORK/ready" || return
	kill -TERM "$pid"
	wait "$pid"
	is 'exit code' $? 143
	is 'what is left' "$(ls -A "$TMPDIR")" ''
	no_cosign
}

test_orphans_are_reaped() {
	# As process 1 of its own namespace it is everybody's parent.
	unshare --user --map-root-user --pid --fork --mount-proc true 2>/dev/null || {
		SKIPPED='no namespaces here'
		return
	}
	OUT=$(unshare --user --map-root-user --pid --fork --mount-proc "$SIGRELAY" run -- bash -c '
		(bash -c "exit 0" & exec true) & sleep 1
		ps -eo stat= | grep -c ^Z')
	is zombies "$OUT" 0
}

# --- run under outage ----------------------------------------------------------

# start_log: the built-in log; LOG is its URL, its keys are in the environment.
start_log() {
	: >"$WORK/log.out"
	TMPDIR=$WORK "$SIGRELAY" builtin-log --print-env >"$WORK/log.out" 2>/dev/null &
	SERVER=$!
	wait_for_line "$WORK/log.out" '^builtin-log listening on ' || return 1
	LOG=$(sed -n 's,^builtin-log listening on ,,p' "$WORK/log.out")
	grep '^export ' "$WORK/log.out" >"$WORK/log.env"
	echo artifact >"$WORK/artifact"
	rm -f "$WORK/ledger" "$WORK/step" "$WORK/runs" "$WORK/bundle"
}

fault() { curl -sf -o /dev/null --data "$1" "$LOG/_control/script"; }
counter() { curl -sf "$LOG/_control/state" | sed "s/.*\"$1\":\\([0-9]*\\).*/\\1/"; }

# signer [AFTER]: a script that notes each run of it, signs as cosign does, and
# does AFTER when that failed.
signer() {
	cat >"$WORK/bin/sign" <<-END
		#!/bin/sh
		echo run >>"$WORK/runs"
		"$SIGRELAY" demo --stand-in sign3 "$WORK/artifact" "$WORK/bundle" && exit 0
		${1:-:}
		exit 1
	END
	chmod +x "$WORK/bin/sign"
}

recovers() { echo "curl -sf -o /dev/null -X POST $LOG/_control/clear"; }

# QUICK: gives up on a request soon, probes several times a second.
QUICK='--retry-for=300ms --probe-interval=200ms --probe-max=500ms --breaker-failures=3 --attempt-timeout=500ms'

# outage CODE FOR ARG…: a run with a step's files; RUNS is how often it ran.
outage() {
	local code=$1 keep_on=$2
	shift 2
	# shellcheck source=/dev/null
	. "$WORK/log.env"
	# shellcheck disable=SC2086
	GITHUB_OUTPUT=$WORK/step GITHUB_RUN_ID=77 GITHUB_RUN_ATTEMPT=2 exits "$code" run $QUICK --for "$keep_on" \
		--ledger "$WORK/ledger" "$@" </dev/null
	forget_log
	RUNS=$(wc -l 2>/dev/null <"$WORK/runs")
	LEDGER=$(cat "$WORK/ledger" 2>/dev/null)
}

forget_log() {
	unset SIGSTORE_REKOR_PUBLIC_KEY SIGSTORE_CT_LOG_PUBLIC_KEY_FILE SIGSTORE_ROOT_FILE COSIGN_REKOR_URL \
		SIGSTORE_TSA_CERTIFICATE_FILE COSIGN_FULCIO_URL
}

test_a_signature_after_an_outage() {
	start_log || return
	signer
	fault 'create always status 503'
	# More than one run posts: the relay gives up on each before that.
	(curl -sf -o /dev/null "$LOG/_control/wait?create=10" && curl -sf -o /dev/null -X POST "$LOG/_control/clear") &
	outage 0 60s -- sign
	wait $!
	[ "$RUNS" -ge 2 ] || fail "it ran $RUNS times"
	has stderr "$ERR" ' sigstore_failed cause="rekor.create answered HTTP 503'
	has stderr "$ERR" ' run_again run=2'
	is entries "$(counter integrated)" 1
	has ledger "$LEDGER" '"run":"77.2","event":"signed"}'
	is output "$(<"$WORK/step")" signed=true
	# shellcheck source=/dev/null
	(. "$WORK/log.env" && "$SIGRELAY" demo --stand-in verify "$WORK/artifact" "$WORK/bundle" >/dev/null) ||
		fail 'the signature does not verify'
}

test_nothing_is_read_or_run_twice_without_an_outage() {
	start_log || return
	signer
	outage 0 5s -- sign
	is runs "$RUNS" 1
	is reads "$(counter query)" 0
	is output "$(<"$WORK/step")" signed=true
}

test_the_reads_of_the_log_must_work_too() {
	start_log || return
	signer "$(recovers); curl -sf -o /dev/null --data 'query 6 status 500' $LOG/_control/script"
	fault 'create always status 503'
	outage 0 60s -- sign
	is runs "$RUNS" 2
	is reads "$(counter query)" 7
}

test_no_recovery_is_75() {
	start_log || return
	signer
	fault 'create always status 503'
	outage 75 3s -- sign "app@sha256:$(printf '%064d' 7)"
	[ "$RUNS" -ge 2 ] || fail "it ran $RUNS times"
	has stderr "$ERR" 'run: Sigstore did not recover within 3s (--for)'
	has stderr "$ERR" 'the last cause: rekor.create answered HTTP 503 after every attempt (server_error: HTTP 503)'
	has ledger "$LEDGER" '"event":"unsigned","image":"app","registry":"docker.io","repository":"library/app","digest":"sha256:0'
	has ledger "$LEDGER" '"reason":"Sigstore did not recover within 3s'
	is output "$(<"$WORK/step")" signed=false
	[ "$(counter integrated)" = 0 ] || fail 'the log has an entry'
}

# The log's answer looks like the client's fault, and is not.
test_an_entry_that_came_too_late_is_signed_anew() {
	start_log || return
	signer
	fault 'create 1 late 1h'
	outage 0 30s -- sign "localhost:5000/o/app:1@sha256:$(printf '%064d' 7)"
	is runs "$RUNS" 2
	has stderr "$ERR" "outside the certificate's life"
	has ledger "$LEDGER" '"image":"localhost:5000/o/app:1","registry":"localhost:5000","repository":"o/app","tag":"1","digest":"sha256:0'
}

test_a_log_that_is_down_is_75() {
	start_log || return
	signer
	fault 'create down 1h'
	outage 75 2s -- sign
	has stderr "$ERR" 'did not recover'
	outage 75 0 -- sign
}

test_fulcio_counts_too() {
	start_log || return
	signer "$(recovers)"
	fault 'sign always status 500'
	outage 0 60s -- sign
	has stderr "$ERR" 'sigstore_failed cause="fulcio.sign answered HTTP 500'
}

test_a_client_that_leaves_a_failing_log_counts() {
	start_log || return
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho run >>"%s"\n' "$WORK/runs" >"$WORK/bin/hasty"
	# shellcheck disable=SC2016
	echo 'exec curl -s -m 0.7 -o /dev/null --data "{}" -H Content-Type:application/json "$COSIGN_REKOR_URL/api/v1/log/entries"' \
		>>"$WORK/bin/hasty"
	chmod +x "$WORK/bin/hasty"
	fault 'create always status 503'
	outage 75 2s --retry-for=1m -- hasty
	has stderr "$ERR" 'when its client left'
}

test_unsigned_knowingly() {
	start_log || return
	signer
	fault 'create always status 503'
	outage 0 1500ms --on-outage=continue -- sign
	has stderr "$ERR" 'warning: going on unsigned (--on-outage=continue): Sigstore did not recover'
	has ledger "$LEDGER" '"event":"unsigned","reason"'
	is output "$(<"$WORK/step")" signed=false
}

test_other_failures_are_the_commands_own() {
	start_log || return
	printf '#!/bin/sh\necho run >>"%s"\nexit 7\n' "$WORK/runs" >"$WORK/bin/broken"
	chmod +x "$WORK/bin/broken"
	outage 7 60s --on-outage=continue -- broken
	is runs "$RUNS" 1
	has ledger "$LEDGER" '"event":"unsigned","reason":"the command ended with exit code 7"'
	is output "$(<"$WORK/step")" signed=false
	# Sigstore refused what it was asked: its answer is final.
	fault 'sign status 400'
	signer
	: >"$WORK/runs"
	outage 1 60s -- sign
	is runs "$RUNS" 1
}

test_a_signal_ends_the_wait() {
	local name pid code
	start_log || return
	signer
	fault 'create always status 503'
	for name in TERM:143 INT:130; do
		code=${name#*:}
		rm -f "$WORK/step" "$WORK/waiting"
		# shellcheck source=/dev/null disable=SC2086
		(. "$WORK/log.env" && GITHUB_OUTPUT=$WORK/step exec python3 "$HERE/default_signals.py" "$SIGRELAY" run \
			$QUICK --probe-interval=1m --probe-max=1m -- sign </dev/null >/dev/null 2>"$WORK/waiting") &
		pid=$!
		wait_for_line "$WORK/waiting" ' waiting what=' || return
		kill -"${name%:*}" "$pid"
		wait "$pid"
		is "exit code after ${name%:*}" $? "$code"
		has stderr "$(<"$WORK/waiting")" 'ended the wait for Sigstore; the last cause: rekor.create answered HTTP 503'
		is output "$(<"$WORK/step")" signed=false
	done
}

test_a_command_that_is_told_to_end_is_not_run_again() {
	local pid
	start_log || return
	# shellcheck disable=SC2016
	printf '#!/bin/bash\ntrap "exit 4" TERM\nsign\necho ready >"%s"\nfor ((i = 0; i < 200; i++)); do sleep 0.05; done\n' \
		"$WORK/ready" >"$WORK/bin/slow"
	chmod +x "$WORK/bin/slow"
	signer
	rm -f "$WORK/ready"
	fault 'create always status 503'
	# shellcheck source=/dev/null disable=SC2086
	(. "$WORK/log.env" && exec "$SIGRELAY" run $QUICK -- slow </dev/null >/dev/null 2>"$WORK/waiting") &
	pid=$!
	wait_for "$WORK/ready" || return
	kill -TERM "$pid"
	wait "$pid"
	is 'exit code' $? 4
	lacks stderr "$(<"$WORK/waiting")" sigstore_failed
}

# A token that is read and never verified: a header, {"exp":N}, a signature.
token_until() { printf 'e30.%s.c2lnc2lnc2ln' "$(printf '{"exp":%d}' "$1" | base64 | tr -d '=\n')"; }

test_a_fixed_token_that_ends_is_told_at_once() {
	local began=$SECONDS token
	start_log || return
	signer
	token=$(token_until "$(($(date +%s) - 1))")
	fault 'create always status 503'
	outage 75 1h -- sign --identity-token "$token"
	[ $((SECONDS - began)) -lt 30 ] || fail 'it waited'
	has stderr "$ERR" 'the identity token in --identity-token ends before the command could be run again'
	has stderr "$ERR" 'the last cause: rekor.create answered HTTP 503'
	lacks 'what was said and noted' "$ERR$OUT$LEDGER" "${token#e30.}"
	token=$(token_until "$(($(date +%s) + 20))")
	SIGSTORE_ID_TOKEN=$token outage 75 1h --probe-interval=5m --probe-max=5m -- sign
	has stderr "$ERR" 'fixed_token where=SIGSTORE_ID_TOKEN'
	has stderr "$ERR" 'the identity token in SIGSTORE_ID_TOKEN ends before'
}

test_stdin_decides_too() {
	start_log || return
	# Reads its input, fails at first, and notes what it got when it succeeds.
	cat >"$WORK/bin/reader" <<-END
		#!/bin/sh
		got=\$(cat)
		sign || exit 1
		echo "\$got" >"$WORK/got"
	END
	chmod +x "$WORK/bin/reader"
	signer "$(recovers)"
	fault 'create always status 503'
	# shellcheck source=/dev/null disable=SC2086
	(. "$WORK/log.env" && echo piped | "$SIGRELAY" run $QUICK -- reader >/dev/null 2>"$WORK/err")
	is 'exit code with a pipe' $? 75
	has stderr "$(<"$WORK/err")" 'it may have read from the pipe on its stdin'
	fault 'create always status 503'
	printf 'skipped\nfrom a file\n' >"$WORK/input"
	# shellcheck source=/dev/null disable=SC2086
	(
		. "$WORK/log.env"
		exec <"$WORK/input"
		read -r _
		"$SIGRELAY" run $QUICK -- reader >/dev/null 2>"$WORK/err"
	)
	is 'exit code with a file' $? 0
	is 'what the last run read' "$(<"$WORK/got")" 'from a file'
	has stderr "$(<"$WORK/err")" ' run_again run=2'
}

test_the_wait_on_a_terminal_is_one_line() {
	start_log || return
	signer
	fault 'create always status 503'
	# shellcheck source=/dev/null
	. "$WORK/log.env"
	# shellcheck disable=SC2086
	OUT=$(TERM=xterm NO_COLOR=1 python3 "$HERE/on_terminal.py" "$SIGRELAY" run $QUICK --for 3s -- sign)
	has terminal "$OUT" $'\r\033[Kwaiting for rekor (write side down) since '
	lacks terminal "$OUT" $'\033[33m'
	lacks terminal "$OUT" ' waiting what='
	has terminal "$OUT" 'ended with 75'
	# shellcheck disable=SC2086
	OUT=$(TERM=xterm python3 "$HERE/on_terminal.py" "$SIGRELAY" run $QUICK --for 3s -- sign)
	has terminal "$OUT" $'\r\033[K\033[33mwaiting for '
	# shellcheck disable=SC2086
	OUT=$(TERM=dumb python3 "$HERE/on_terminal.py" "$SIGRELAY" run $QUICK --for 3s -- sign)
	has terminal "$OUT" ' waiting what='
	# Where the read is what has not come, the line says so, and when the next one goes.
	fault 'query always status 503'
	# shellcheck disable=SC2086
	OUT=$(TERM=xterm NO_COLOR=1 python3 "$HERE/on_terminal.py" "$SIGRELAY" run $QUICK --probe-interval=3s --probe-max=3s --for 9s -- sign)
	has terminal "$OUT" $'\r\033[Kwaiting for rekor (read side down) since '
	printf %s "$OUT" | grep -q 'rekor (read side down) since [0-9]*s; next try in ' || fail "no next try: $OUT"
	forget_log
}

test_lines_of_the_wait_are_sparse() {
	start_log || return
	signer
	fault 'create always status 503'
	outage 75 4s -- sign
	[ "$RUNS" -ge 2 ] || fail "it ran $RUNS times"
	is 'lines' "$(grep -c ' waiting what=' "$WORK/err")" 1
}

test_a_silent_service_is_told_as_a_cause() {
	start_log || return
	signer
	fault 'create always stall'
	outage 75 1s --retry-for=500ms -- sign
	has stderr "$ERR" 'the last cause: rekor.create had no answer from rekor in time (HTTP 503)'
}

test_no_proxy_stands_before_loopback() {
	start_log || return
	# shellcheck disable=SC2016 # for the shell that is run
	http_proxy=http://127.0.0.1:9 exits 0 run --rekor-url "$LOG" --retry-for=1s --for=1s -- \
		sh -c 'exec curl -sf "$COSIGN_REKOR_URL/api/v1/log"'
	has 'the log' "$OUT" treeSize
}

# RFC 9112, 3.2.2: to a proxy a request names its whole URL.
test_a_proxy_is_asked_for_whole_urls() {
	local proxy
	python3 -c '
import http.server, sys
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        with open(sys.argv[1] + "/asked", "a") as f:
            print(self.path, self.headers["Host"], file=f)
server = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
with open(sys.argv[1] + "/proxy", "w") as f:
    print(server.server_port, file=f)
server.serve_forever()' "$WORK" 2>/dev/null &
	proxy=$!
	wait_for "$WORK/proxy" || return
	# shellcheck disable=SC2016 # for the shell that is run
	http_proxy=http://127.0.0.1:$(<"$WORK/proxy") exits 0 run --rekor-url http://log.test:81/base --retry-for=1s --for=1s -- \
		sh -c 'exec curl -sf "$COSIGN_REKOR_URL/api/v1/log/proof?lastSize=1"'
	is 'what the proxy was asked' "$(<"$WORK/asked")" 'http://log.test:81/base/api/v1/log/proof?lastSize=1 log.test:81'
	kill "$proxy"
	wait "$proxy" 2>/dev/null
	rm -f "$WORK/proxy" "$WORK/asked"
}

# libcurl by itself would send each attempt six times to a server that refuses streams.
test_a_refused_stream_is_asked_for_twice() {
	local server
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=log \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$WORK/h2.key" -out "$WORK/h2.crt" 2>/dev/null
	python3 "$HERE/refused_streams.py" "$WORK/h2.crt" "$WORK/h2.key" "$WORK/h2.port" "$WORK/h2.count" &
	server=$!
	wait_for "$WORK/h2.port" || return
	# shellcheck disable=SC2016 # for the shell that is run
	exits 75 run --rekor-url "https://127.0.0.1:$(<"$WORK/h2.port")" --ca-file "$WORK/h2.crt" --retry-for=1s --for=0 \
		--breaker-failures=3 --backoff-base=10ms -- sh -c 'exec curl -sf "$COSIGN_REKOR_URL/api/v1/log"'
	is 'requests of three attempts' "$(wc -c <"$WORK/h2.count")" 6
	kill "$server"
	wait "$server" 2>/dev/null
	rm -f "$WORK"/h2.*
}

test_the_ledger_has_to_open() {
	exits 78 run --ledger "$WORK/no/folder/x" -- touch "$WORK/ran"
	has stderr "$ERR" "cannot open the ledger '$WORK/no/folder/x': No such file or directory"
	[ ! -e "$WORK/ran" ] || fail 'the command ran'
	printf '{"time":"2026' >"$WORK/ledger"
	SIGRELAY_RUN_ID=mine SIGRELAY_LEDGER=$WORK/ledger exits 0 run -- true
	has stderr "$ERR" ledger_torn
	has 'second line' "$(sed -n 2p "$WORK/ledger")" '"run":"mine","event":"signed"}'
	rm -f "$WORK/ledger"
}

test_outage_flags_are_checked() {
	exits 64 run --for=soon -- true
	has stderr "$ERR" '--for=soon'
	exits 64 run --on-outage=maybe -- true
	has stderr "$ERR" '--on-outage=maybe'
	exits 64 run --for -- true
}

# What the clients use already is said where it is wrong, by its own name.
test_a_client_s_own_url_that_is_none_is_named() {
	COSIGN_REKOR_URL=nope exits 78 run -- true
	has stderr "$ERR" "COSIGN_REKOR_URL: expected a URL such as https://rekor.example.com, not 'nope'"
	SIGSTORE_REKOR_URL=ftp://x GITSIGN_FULCIO_URL=nope exits 78 run -- git status
	has stderr "$ERR" "SIGSTORE_REKOR_URL: expected a URL"
	has stderr "$ERR" "GITSIGN_FULCIO_URL: expected a URL"
}

test_a_folder_that_is_none_is_named() {
	TMPDIR=$WORK/none exits 126 run --client=cosign3 -- touch "$WORK/ran"
	has stderr "$ERR" "in '$WORK/none': No such file or directory; TMPDIR names another folder"
	[ ! -e "$WORK/ran" ] || fail 'the command ran'
}

# --- the environment -----------------------------------------------------------

test_cosign_2_gets_urls() {
	fake_cosign v2.5.0
	exits 0 run -- cosign sign
	has env "$OUT" 'COSIGN_REKOR_URL=http://127.0.0.1:'
	has env "$OUT" 'COSIGN_FULCIO_URL=http://127.0.0.1:'
	has env "$OUT" 'COSIGN_TIMEOUT='
	lacks env "$OUT" 'COSIGN_SIGNING_CONFIG='
	lacks env "$OUT" 'COSIGN_TIMESTAMP_SERVER_URL='
	no_cosign
}

test_cosign_3_gets_a_signing_config() {
	fake_cosign v3.1.3
	COSIGN_REKOR_URL='' exits 0 run -- cosign sign
	has env "$OUT" 'COSIGN_SIGNING_CONFIG='
	lacks env "$OUT" 'COSIGN_REKOR_URL=http'
	has config "$OUT" 'http://127.0.0.1:'
	lacks config "$OUT" 'https://rekor.sigstore.dev'
	no_cosign
}

test_a_script_gets_what_the_cosign_on_path_takes() {
	fake_cosign v3.0.2
	exits 0 run -- sh -c env
	has env "$OUT" 'COSIGN_SIGNING_CONFIG='
	no_cosign
	exits 0 run -- sh -c env
	has env "$OUT" 'COSIGN_REKOR_URL='
	has env "$OUT" 'SIGSTORE_REKOR_URL='
	has env "$OUT" 'NO_PROXY=127.0.0.1,localhost'
}

test_a_cosign_that_hangs_is_not_waited_for() {
	local began=$SECONDS
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n[ "$1" = version ] && exec sleep 60\nenv\n' >"$WORK/bin/cosign"
	chmod +x "$WORK/bin/cosign"
	exits 0 run -- cosign sign
	has env "$OUT" 'COSIGN_REKOR_URL='
	[ $((SECONDS - began)) -lt 20 ] || fail "it took $((SECONDS - began)) s"
	no_cosign
}

test_client_flag_decides() {
	fake_cosign v3.1.3
	exits 0 run --client=cosign2 -- cosign sign
	has env "$OUT" 'COSIGN_USE_SIGNING_CONFIG=false'
	exits 0 run --client none -- cosign sign
	lacks env "$OUT" 'COSIGN_'
	no_cosign
}

test_flags_of_cosign_that_go_past_the_relay_are_told() {
	fake_cosign v3.1.3
	exits 0 run -- cosign sign --signing-config x.json
	has stderr "$ERR" past_the_relay
	lacks env "$OUT" 'COSIGN_SIGNING_CONFIG='
	fake_cosign v2.5.0
	exits 0 run -- cosign sign --rekor-url https://rekor.corp
	has stderr "$ERR" 'what=--rekor-url'
	no_cosign
}

# shows_upstream URL ARG…: a run with these arguments relays to URL.
shows_upstream() {
	local url=$1 port
	shift
	port=$(python3 "$HERE/free_port.py")
	# shellcheck disable=SC2016
	exits 0 run --admin-listen "127.0.0.1:$port" "$@" -- \
		sh -c 'env -u COSIGN_REKOR_URL "$0" status --json --admin-listen "$1"' "$SIGRELAY" "127.0.0.1:$port"
	has status "$OUT" "\"$url\""
}

test_a_private_instance_needs_no_setting() {
	COSIGN_REKOR_URL=https://rekor.corp/ shows_upstream https://rekor.corp
	COSIGN_TIMESTAMP_SERVER_URL=https://tsa.corp/api/v1/timestamp shows_upstream https://tsa.corp
	COSIGN_REKOR_URL=https://rekor.corp shows_upstream https://other.corp --rekor-url https://other.corp
	COSIGN_REKOR_URL=https://rekor.corp SIGRELAY_REKOR_URL=https://third.corp shows_upstream https://third.corp
	fake_cosign v3.1.3
	cat >"$WORK/config.json" <<-'EOF'
		{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",
		 "caUrls":[{"url":"https://fulcio.corp","majorApiVersion":1,"validFor":{"start":"2024-01-01T00:00:00Z"},"operator":"corp"}],
		 "rekorTlogUrls":[{"url":"https://rekor.corp","majorApiVersion":1,"validFor":{"start":"2024-01-01T00:00:00Z"},"operator":"corp"}],
		 "rekorTlogConfig":{"selector":"ANY"}}
	EOF
	COSIGN_SIGNING_CONFIG=$WORK/config.json shows_upstream https://fulcio.corp
	COSIGN_SIGNING_CONFIG=$WORK/config.json shows_upstream https://rekor.corp
	no_cosign
}

test_the_tuf_cache_of_a_private_mirror_counts() {
	fake_cosign v3.1.3
	mkdir -p "$HOME/.sigstore/root/tuf.corp-8080/targets"
	echo '{"mirror":"https://TUF.corp:8080"}' >"$HOME/.sigstore/root/remote.json"
	exits 78 run -- cosign sign
	has stderr "$ERR" 'https://TUF.corp:8080'
	exits 0 run --rekor-url https://r.corp --fulcio-url https://f.corp -- cosign sign
	cp "$WORK/config.json" "$HOME/.sigstore/root/tuf.corp-8080/targets/signing_config.v0.2.json" 2>/dev/null ||
		fail 'test_a_private_instance_needs_no_setting has to run before'
	shows_upstream https://rekor.corp
	rm -rf "$HOME/.sigstore"
	no_cosign
}

test_a_broken_signing_config_is_78() {
	fake_cosign v3.1.3
	echo '{}' >"$WORK/none.json"
	COSIGN_SIGNING_CONFIG=$WORK/none.json exits 78 run -- cosign sign
	has stderr "$ERR" "$WORK/none.json"
	COSIGN_SIGNING_CONFIG=$WORK/absent.json exits 78 run -- cosign sign
	has stderr "$ERR" 'No such file'
	no_cosign
}

test_gitsign_of_another_instance_is_left_alone() {
	export GITSIGN_REKOR_URL=https://git.corp COSIGN_REKOR_URL=https://rekor.corp
	exits 0 run -- sh -c env
	has env "$OUT" 'GITSIGN_REKOR_URL=https://git.corp'
	has env "$OUT" 'COSIGN_REKOR_URL=http://127.0.0.1'
	has stderr "$ERR" 'what=GITSIGN_REKOR_URL'
	unset GITSIGN_REKOR_URL COSIGN_REKOR_URL
}

test_git_settings_of_gitsign_count() {
	git config --global gitsign.rekor https://git.corp
	shows_upstream https://git.corp
	fake_cosign v2.5.0
	exits 0 run -- sh -c env
	lacks env "$OUT" 'SIGSTORE_REKOR_URL='
	has env "$OUT" 'SIGSTORE_FULCIO_URL='
	no_cosign
	rm -f "$HOME/.gitconfig"
}

test_env_can_be_evaluated() {
	local url
	fake_cosign v3.1.3
	exits 0 env --listen 127.0.0.1:7999
	url=$(eval "$OUT" && grep -c 'http://127.0.0.1:7999' "$COSIGN_SIGNING_CONFIG")
	is 'services in the config' "$url" 3
	no_cosign
	exits 0 env --listen '[::]:7999'
	has env "$OUT" "export COSIGN_REKOR_URL='http://[::1]:7999'"
	exits 78 env --listen unix:/run/x.sock
}

# --- serve ---------------------------------------------------------------------

# hold_an_exchange: one that waits for an upstream which says nothing.
hold_an_exchange() {
	: >"$WORK/silent.port"
	python3 "$HERE/silent.py" "$WORK/silent.port" "$WORK/silent.got" &
	SILENT=$!
	wait_for "$WORK/silent.port" || return 1
	start_serve --rekor-url "http://127.0.0.1:$(<"$WORK/silent.port")" || return 1
	curl -s -o /dev/null -X POST -H 'Content-Type: application/json' -d '{}' "$URL/api/v1/log/entries" &
	CLIENT=$!
	wait_for "$WORK/silent.got"
}

let_it_go() {
	kill "$SILENT" 2>/dev/null
	wait "$SILENT" "$CLIENT" 2>/dev/null
	rm -f "$WORK/silent.got"
}

test_one_sigterm_drains() {
	start_serve || return
	kill -TERM "$SERVER"
	ends 0
}

test_a_second_signal_leaves_at_once() {
	local name code
	for name in TERM:143 INT:130; do
		code=${name#*:}
		name=${name%:*}
		hold_an_exchange || return
		kill -TERM "$SERVER"
		wait_for_line "$WORK/serve.err" ' draining '
		kill -"$name" "$SERVER"
		ends "$code"
		let_it_go
	done
}

test_reload_is_all_or_nothing() {
	printf '[sigrelay]\nretry_for = 1m\n' >"$WORK/serve.ini"
	start_serve --config "$WORK/serve.ini" || return
	printf '[sigrelay]\nretry_for = 2m\n' >"$WORK/serve.ini"
	kill -HUP "$SERVER"
	wait_for_line "$WORK/serve.err" ' reloaded '
	printf '[sigrelay]\nretry_for = soon\nrate_burts = 3\n' >"$WORK/serve.ini"
	kill -HUP "$SERVER"
	wait_for_line "$WORK/serve.err" ' reload_refused '
	is 'lines' "$(grep -c reload_refused "$WORK/serve.err")" 1
	has 'reason' "$(grep reload_refused "$WORK/serve.err")" 'serve.ini:3'
	printf '[sigrelay]\nmax_clients = 3\n' >"$WORK/serve.ini"
	kill -HUP "$SERVER"
	wait_for_line "$WORK/serve.err" 'max_clients'
	kill -TERM "$SERVER"
	ends 0
}

test_systemd_is_told() {
	local state
	python3 "$HERE/notify_socket.py" "$WORK/notify.sock" >"$WORK/notified" &
	local listener=$!
	wait_for_line "$WORK/notified" '^listening$' || return
	NOTIFY_SOCKET=$WORK/notify.sock start_serve || return
	wait_for_line "$WORK/notified" '^READY=1$'
	kill -HUP "$SERVER"
	wait_for_line "$WORK/notified" '^RELOADING=1$'
	kill -TERM "$SERVER"
	wait_for_line "$WORK/notified" '^STOPPING=1$'
	ends 0
	kill "$listener"
	wait "$listener" 2>/dev/null
	state=$(grep -vE '^(listening|MONOTONIC_USEC=[0-9]+)$' "$WORK/notified" | tr '\n' ' ')
	is 'what systemd was told' "$state" 'READY=1 RELOADING=1 READY=1 STOPPING=1 '
	has 'reload' "$(<"$WORK/notified")" 'MONOTONIC_USEC='
}

test_systemd_s_watchdog_hears_from_the_loop() {
	python3 "$HERE/notify_socket.py" "$WORK/watchdog.sock" >"$WORK/notified" &
	local listener=$!
	wait_for_line "$WORK/notified" '^listening$' || return
	WATCHDOG_USEC=100000 NOTIFY_SOCKET=$WORK/watchdog.sock start_serve || return
	wait_for_line "$WORK/notified" '^WATCHDOG=1$'
	kill -TERM "$SERVER"
	ends 0
	kill "$listener"
	wait "$listener" 2>/dev/null
}

# pass_socket NAME ADDRESS: a sigrelay that gets such a socket; the word @ADDRESS is its address.
pass_socket() {
	printf '#!/bin/sh\nexec python3 "%s" "%s" "%s" "%s" "$@"\n' "$HERE/pass_socket.py" "$1" "$2" "$SIGRELAY" \
		>"$WORK/bin/passed"
	chmod +x "$WORK/bin/passed"
}

test_a_socket_of_systemd_s_is_taken() {
	pass_socket listen 127.0.0.1:0
	SIGRELAY=$WORK/bin/passed start_serve --listen @ADDRESS || return
	is 'answer' "$(python3 -c '
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1].split("://")[1])
c.request("GET", "/nonsense")
print(c.getresponse().status)' "$URL")" 404
	has 'descriptor 3' "$(readlink "/proc/$SERVER/fd/3")" socket:
	is 'its address' "$(python3 -c "
import sys
inode = sys.argv[1].split('[')[1].rstrip(']')
print(any(line.split()[9] == inode and line.split()[3] == '0A' for line in open('/proc/net/tcp')))" "$(readlink "/proc/$SERVER/fd/3")")" True
	kill -TERM "$SERVER"
	ends 0
}

test_a_socket_at_another_address_is_refused() {
	pass_socket listen 127.0.0.1:0
	SIGRELAY=$WORK/bin/passed exits 1 serve --listen 127.0.0.1:1 --admin-listen 127.0.0.1:0
	has stderr "$ERR" 'another address'
	pass_socket other 127.0.0.1:0
	SIGRELAY=$WORK/bin/passed start_serve || return
	kill -TERM "$SERVER"
	ends 0
}

test_one_socket_without_a_name_is_the_listener() {
	local name
	for name in - unknown mine.socket; do
		pass_socket $name 127.0.0.1:0
		SIGRELAY=$WORK/bin/passed start_serve --listen @ADDRESS || return
		kill -TERM "$SERVER"
		ends 0
	done
}

test_socket_files_go_with_who_made_them() {
	start_serve --listen "unix:$WORK/s" --admin-listen "unix:$WORK/admin" || return
	[ -S "$WORK/s" ] && [ -S "$WORK/admin" ] || fail 'no socket files'
	kill -TERM "$SERVER"
	ends 0
	[ ! -e "$WORK/s" ] && [ ! -e "$WORK/admin" ] || fail 'the socket files are left'
	# one that cannot start has not made the first either
	exits 1 serve --listen "unix:$WORK/s" --admin-listen "unix:$WORK/none/admin"
	[ ! -e "$WORK/s" ] || fail 'the socket file of one that did not start is left'
}

test_another_s_socket_file_stays() {
	local old
	start_serve --listen "unix:$WORK/s" || return
	old=$SERVER
	rm "$WORK/s"
	start_serve --listen "unix:$WORK/s" || return
	kill -TERM "$old"
	wait "$old"
	is 'exit code of the old one' $? 0
	is 'answer of the new one' "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$WORK/s" http://r/healthz)" 200
	kill -TERM "$SERVER"
	ends 0
	[ ! -e "$WORK/s" ] || fail 'the socket file is left'
	# what is no socket any more
	start_serve --listen "unix:$WORK/s" || return
	rm "$WORK/s" && echo text >"$WORK/s"
	kill -TERM "$SERVER"
	ends 0
	is 'the file in its place' "$(cat "$WORK/s")" text
	rm -f "$WORK/s"
}

test_the_file_of_systemd_s_socket_stays() {
	pass_socket listen "unix:$WORK/held"
	SIGRELAY=$WORK/bin/passed start_serve --listen @ADDRESS || return
	kill -TERM "$SERVER"
	ends 0
	[ -S "$WORK/held" ] || fail "systemd's socket file is gone"
}

test_an_address_in_use_is_told() {
	start_serve || return
	exits 1 serve --listen "${URL#http://}" --admin-listen 127.0.0.1:0
	has stderr "$ERR" "${URL#http://}"
	kill -TERM "$SERVER"
	ends 0
}

test_empty_settings_are_reported_once() {
	SIGRELAY_RETRY_FOR='' start_serve || return
	kill -TERM "$SERVER"
	ends 0
	is 'reports' "$(grep -c 'SIGRELAY_RETRY_FOR' "$WORK/serve.err")" 1
}

# under_limits SOFT HARD: a sigrelay that may have so many files open.
under_limits() {
	printf '#!/bin/sh\nulimit -Sn %d && ulimit -Hn %d && exec "%s" "$@"\n' "$1" "$2" "$SIGRELAY" >"$WORK/bin/limited"
	chmod +x "$WORK/bin/limited"
}

open_files_of() { awk '/^Max open files/ { print $4, $5 }' "/proc/$1/limits"; }

test_the_limit_of_open_files_is_raised() {
	under_limits 128 4096
	SIGRELAY=$WORK/bin/limited start_serve --max-clients 3000 || return
	is 'limits of serve' "$(open_files_of "$SERVER")" '4096 4096'
	kill -TERM "$SERVER"
	ends 0
	lacks stderr "$(<"$WORK/serve.err")" max_clients
}

# More clients than there are descriptors: those that do not fit hear so.
test_clients_that_do_not_fit_are_told() {
	under_limits 64 128
	SIGRELAY=$WORK/bin/limited start_serve --rekor-url http://127.0.0.1:9 --max-attempts-in-flight 1 || return
	has stderr "$(<"$WORK/serve.err")" 'max_clients_lowered from=10000 to=61 open_files=128'
	is 'who was told' "$(python3 "$HERE/too_many_clients.py" "${URL##*:}" 90 29)" '29 of 90 were told: HTTP/1.1 503 Service Unavailable'
	kill -HUP "$SERVER"
	wait_for_line "$WORK/serve.err" ' reloaded$'
	kill -TERM "$SERVER"
	ends 0
}

cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# More connections than there are descriptors, which say nothing: the rest waits to
# be taken, and the relay does not spin over them. With 40 there is no room even for
# the silent ones that it would let be.
test_without_descriptors_it_waits() {
	local before used
	under_limits 40 40
	SIGRELAY=$WORK/bin/limited start_serve || return
	# shellcheck disable=SC2034 # coproc makes it
	coproc CROWD { exec python3 "$HERE/silent_clients.py" "${URL##*:}" 80; }
	wait_for_line "$WORK/serve.err" ' accept_failed cause="Too many open files"' || return
	before=$(cpu_ticks "$SERVER")
	sleep 2
	used=$(($(cpu_ticks "$SERVER") - before))
	[ "$used" -lt 50 ] || fail "it used $used of 200 ticks while it could do nothing"
	kill "$CROWD_PID"
	wait "$CROWD_PID" 2>/dev/null
	is 'served again' "$(curl -s -m 10 "$URL/healthz")" ok
	kill -TERM "$SERVER"
	ends 0
}

# --- status, help, version -----------------------------------------------------

test_status_of_a_running_relay() {
	start_serve || return
	exits 0 status --admin-listen "${ADMIN#http://}"
	has stdout "$OUT" 'SERVICE'
	has stdout "$OUT" 'https://rekor.sigstore.dev'
	lacks stdout "$OUT" $'\033'
	exits 0 status --json --admin-listen "${ADMIN#http://}"
	printf '%s' "$OUT" | python3 -c 'import json, sys; json.load(sys.stdin)["services"]["rekor"]["write"]["state"]' ||
		fail 'the JSON has no state'
	kill -TERM "$SERVER"
	ends 0
}

test_status_without_a_relay_is_1() {
	local port
	port=$(python3 "$HERE/free_port.py")
	exits 1 status --admin-listen "127.0.0.1:$port"
	has stderr "$ERR" "127.0.0.1:$port"
	is stdout "$OUT" ''
}

test_help_and_version() {
	exits 0 help
	has stdout "$OUT" 'check-config'
	lacks stdout "$OUT" builtin-log
	exits 0 help run
	has stdout "$OUT" '--client'
	exits 0 serve --help
	has stdout "$OUT" '--retry-for'
	exits 64 help srve
	exits 0 version
	has stdout "$OUT" 'libevent'
	exits 0 --version
	has stdout "$OUT" 'sigrelay '
}

# --- completions ---------------------------------------------------------------

COMPLETIONS=$HERE/../../completions

# bash_offers WORD…: what bash offers for the last word.
bash_offers() {
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sigrelay; printf "%s\n" "${COMPREPLY[@]}"' \
		"$COMPLETIONS/sigrelay.bash" "$@"
}

test_bash_completes() {
	is 'a command' "$(bash_offers sigrelay che)" check-config
	is 'a flag' "$(bash_offers sigrelay run --clie)" --client
	is 'a flag of run alone' "$(bash_offers sigrelay run --on-o)$(bash_offers sigrelay env --on-o)" --on-outage
	is 'a value' "$(bash_offers sigrelay env --client co)" 'cosign2
cosign3'
	is 'a setting' "$(bash_offers sigrelay serve --max-c)" --max-clients
	is 'no flag of another command' "$(bash_offers sigrelay serve --clie)" ''
	is 'a word of preflight' "$(bash_offers sigrelay preflight --on-existing-tag s)" skip
	has 'the command of run' "$(bash_offers sigrelay run -- tru)" true
}

test_fish_completes() {
	command -v fish >/dev/null || {
		SKIPPED='no fish here'
		return
	}
	# shellcheck disable=SC2016
	fish_offers() { fish -c 'source $argv[1]; complete -C $argv[2] | cut -f1' "$COMPLETIONS/sigrelay.fish" "$1"; }
	is 'a command' "$(fish_offers 'sigrelay che')" check-config
	has 'a flag' "$(fish_offers 'sigrelay run --clie')" --client
	has 'a setting' "$(fish_offers 'sigrelay serve --max-c')" --max-clients
}

test_zsh_takes_the_completion() {
	command -v zsh >/dev/null || {
		SKIPPED='no zsh here'
		return
	}
	zsh -n "$COMPLETIONS/_sigrelay" || fail 'zsh finds an error in it'
}

# --- all of them ---------------------------------------------------------------

PASSED=0
BROKEN=0
LEFT_OUT=0
for test in $(declare -F | sed -n 's/^declare -f test_/test_/p'); do
	[ -z "$ONLY" ] || [ "$ONLY" = "$test" ] || continue
	FAILED=
	SKIPPED=
	"$test"
	if [ -n "$SERVER" ]; then
		kill -KILL "$SERVER" 2>/dev/null
		wait "$SERVER" 2>/dev/null
		SERVER=
	fi
	if [ -n "$FAILED" ]; then
		echo "FAILED  $test"
		BROKEN=$((BROKEN + 1))
	elif [ -n "$SKIPPED" ]; then
		echo "skipped $test: $SKIPPED"
		LEFT_OUT=$((LEFT_OUT + 1))
	else
		echo "ok      $test"
		PASSED=$((PASSED + 1))
	fi
done
echo "$PASSED passed, $BROKEN failed, $LEFT_OUT skipped"
[ "$BROKEN" = 0 ] && [ $((PASSED + LEFT_OUT)) -gt 0 ]
