# shellcheck shell=bash
# Outages of the real parts: one is paused or killed, and comes back, while
# clients sign. The parts are the stack's own, so that each test leaves them as
# it found them (end_outages). Needs what tests.sh needs.

all_outages() {
	echo "outage-rekor-paused fresh test_outage rekor pause_part resume_part 15 2"
	echo "outage-rekor-killed fresh test_outage rekor kill_part bring_back 20 1"
	echo "outage-fulcio-paused fresh test_outage fulcio pause_part resume_part 12 1"
	echo "outage-signer-paused fresh test_signer_outage 30"
	echo "outage-run-alone nothing test_run_alone 15"
	echo "outage-run-out-of-time nothing test_out_of_time"
}

# kill_part NAME: at once, as a crash would. bring_back NAME: starts it again as
# it was started.
kill_part() {
	tr '\0' '\n' <"/proc/$(pid_of "$1")/cmdline" >"$STACK_HOME/run/$1.argv"
	signal_part KILL "$1"
	wait_for "$1 to be gone" 5 has_ended "$1"
}

bring_back() {
	local argv
	mapfile -t argv <"$STACK_HOME/run/$1.argv"
	launch "$1" "${argv[@]}"
}

# end_outages: whatever a test has left paused or killed.
end_outages() {
	local part
	for part in rekor fulcio log-signer; do resume_part "$part" || true; done
	if has_ended rekor; then bring_back rekor; fi
	wait_for 'Rekor and Fulcio to answer again' 20 all_answer
}

all_answer() { http_ok "$STACK_REKOR_BEHIND_URL/api/v1/log" && http_ok "$STACK_FULCIO_BEHIND_URL/api/v1/rootCert"; }

# brisk_relay: times of seconds, so that an outage can be short.
brisk_relay() {
	end_part relay
	start_relay --probe-interval=1s --probe-max=2s --attempt-timeout=5s
}

# requests_at SERVICE: how many have come to its shim; of rekor or fulcio.
requests_at() {
	local control=$STACK_REKOR_CONTROL
	[ "$1" = rekor ] || control=$STACK_FULCIO_CONTROL
	curl -sSf "$control/counts" | jq .requests
}

CROWD=8

# crowd_signs: eight cosigns of two versions sign a blob each, every one under a
# `run` of its own, all of them through the one relay. CLIENTS: their processes.
crowd_signs() {
	local version i
	CLIENTS=() BLOBS=()
	for version in 2.6.5 3.1.3; do
		for ((i = 0; i < CROWD / 2; i++)); do
			BLOBS+=("$version-$i")
			echo "$version-$i" >"$version-$i"
			{
				point_cosign "$version" fleet
				sign_blob "$version-$i"
			} >"said-$version-$i" 2>&1 &
			CLIENTS+=($!)
		done
	done
}

everyone_waits() {
	local client
	for client in "${CLIENTS[@]}"; do kill -0 "$client"; done
}

# crowd_has_signed SIZE: each has its signature, and the log, of SIZE before, each
# entry once.
crowd_has_signed() {
	local client blob
	for client in "${CLIENTS[@]}"; do wait "$client"; done
	for blob in "${BLOBS[@]}"; do
		point_cosign "${blob%-*}" fleet
		verify_blob "$blob"
	done
	[ "$(log_size)" -eq $(($1 + CROWD)) ]
}

# at_most WHAT SEEN BOUND
at_most() {
	echo "$1: $2, at most $3"
	[ "$2" -le "$3" ]
}

# test_outage PART DOWN UP SECONDS TRIES: the part is away before anyone has asked.
# The shim in front of it sees TRIES requests of each client (a create that hangs
# has a second one beside it), and then a probe a second for each side.
test_outage() {
	local size began=$SECONDS
	brisk_relay
	size=$(log_size)
	"$2" "$1"
	crowd_signs
	# The length of the outage is what is tested, no order of events.
	sleep "$4"
	everyone_waits
	at_most 'requests in the outage' "$(requests_at "$1")" $(($5 * CROWD + SECONDS - began + 2))
	"$3" "$1"
	crowd_has_signed "$size"
}

# test_signer_outage SECONDS: Rekor is up, and takes what it cannot integrate. All
# wait for their entries by reads that they share: one each poll_interval. The log
# sees each entry twice (the second POST learns its id), and that is all.
test_signer_outage() {
	local size
	brisk_relay
	size=$(log_size)
	pause_signer
	crowd_signs
	wait_for 'every create to be with the log' 20 everyone_has_posted
	# The length of the outage is what is tested, no order of events.
	sleep "$1"
	everyone_waits
	at_most 'reads' "$(ended GET)" $((4 * $1 + CROWD))
	at_most 'creates' "$(creates_seen)" $((2 * CROWD))
	resume_signer
	crowd_has_signed "$size"
}

# ended METHOD: requests of it that have had their end.
ended() { counts "[.answers | to_entries[] | select(.key | startswith(\"$1 \")) | .value] | add // 0"; }

everyone_has_posted() { [ "$(creates_seen)" -ge "$CROWD" ]; }

# lone_run NAME OPTION...: cosign 2.6.5 under `run`, and nothing else. Each run of
# it is noted in NAME.runs.
lone_run() {
	local name=$1
	shift
	point_cosign 2.6.5 run
	mkdir -p "$name.bin"
	cat >"$name.bin/cosign" <<-END
		#!/bin/sh
		[ "\$1" != sign-blob ] || echo run >>"$PWD/$name.runs"
		exec "${COMMAND[-1]}" "\$@"
	END
	chmod +x "$name.bin/cosign"
	COMMAND=("$SIGRELAY" run "$@" "${COMMAND[@]:2:${#COMMAND[@]}-3}" "$PWD/$name.bin/cosign")
	echo "$name" >"$name"
	sign_blob "$name" >"$name.said" 2>&1
}

# test_run_alone SECONDS: Rekor is not there when the command starts. One run
# waits in its relay; the other's relay gives up soon, and the command runs again
# with a certificate that is new. No run asks for two.
test_run_alone() {
	local patient hasty
	need_relay
	kill_part rekor
	lone_run patient --for=2m &
	patient=$!
	lone_run hasty --for=2m --retry-for=2s --probe-interval=1s &
	hasty=$!
	sleep "$1"
	kill -0 "$patient" "$hasty"
	bring_back rekor
	wait "$patient"
	wait "$hasty"
	point_cosign 2.6.5 run
	verify_blob patient
	verify_blob hasty
	[ "$(wc -l <patient.runs)" = 1 ]
	[ "$(wc -l <hasty.runs)" -gt 1 ]
	[ "$(certificates)" = "$(cat patient.runs hasty.runs | wc -l)" ]
}

certificates() {
	curl -sSf "$STACK_FULCIO_CONTROL/counts" |
		jq '[.answers | to_entries[] | select(.key | test("signingCert 20[01]$")) | .value] | add // 0'
}

# test_out_of_time: Rekor stays away for longer than --for.
test_out_of_time() {
	local stop go_on status=0
	need_relay
	kill_part rekor
	lone_run stop --for=5s --retry-for=1s --ledger="$PWD/stop.ledger" &
	stop=$!
	GITHUB_OUTPUT=$PWD/step lone_run go-on --for=5s --retry-for=1s --on-outage=continue --ledger="$PWD/go-on.ledger" &
	go_on=$!
	wait "$stop" || status=$?
	[ "$status" = 75 ]
	wait "$go_on"
	cat stop.said go-on.said
	grep -q 'did not recover within 5s (--for)' stop.said
	grep -qi 'warning' go-on.said
	grep -qx 'signed=false' step
	jq -e 'select(.event == "unsigned")' go-on.ledger
	must_fail test -e go-on.bundle
}

need_relay() {
	[ -n "${SIGRELAY:-}" ] || die "no relay: none in SIGRELAY, build/dev or build/release"
}
