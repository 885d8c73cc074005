# shellcheck shell=bash
# The tests themselves. Each is a function that fails by failing, and a line in
# all_tests: NAME, what it needs (nothing, relay or fresh: see run_test), the
# function, its arguments.

all_tests() {
	local v via how pause
	for v in $COSIGNS; do
		echo "direct-blob-$v nothing test_blob $v direct"
		echo "direct-image-$v nothing test_image $v direct"
	done
	echo "direct-actions-token nothing test_actions_token 3.1.3 direct"
	for v in $COSIGNS; do
		for how in 502 reset close; do
			echo "incident-without-relay-$how-$v nothing test_incident_without $v $how"
		done
	done
	echo "lost-answer-without-relay-3.1.3 nothing test_lost_without 3.1.3"
	each_fault without-relay nothing test_fault_without direct
	for via in serve run; do
		for v in $COSIGNS; do
			echo "$via-blob-$v relay test_blob $v $via"
			echo "$via-image-$v relay test_image $v $via"
		done
	done
	for via in serve run; do
		for v in $COSIGNS; do
			echo "incident-$via-$v relay test_incident_with $v $via 502"
		done
	done
	for how in reset close; do
		for v in $COSIGNS; do
			echo "incident-serve-$how-$v relay test_incident_with $v serve $how"
		done
	done
	each_fault serve fresh test_fault_with serve
	for v in $COSIGNS; do
		echo "crowd-serve-$v fresh test_crowd $v serve 8"
	done
	echo "crowd-after-an-outage-serve-2.5.0 fresh test_crowd_after_outage 2.5.0 serve 8"
	for pause in 2 10; do
		for v in $COSIGNS; do
			echo "slow-log-$pause-s-$v relay test_slow_log $v serve $pause"
		done
	done
	all_outages
	echo "metrics relay test_metrics"
}

# each_fault WORD NEEDS FUNCTION VIA: what ends each cosign, a service at a time:
# it has no second try for Fulcio, one at most for the timestamp, three for Rekor.
each_fault() {
	local v
	for v in $COSIGNS; do
		echo "fulcio-reset-$1-$v $2 $3 $v $4 fulcio n=1&how=reset&forward=no"
		echo "fulcio-503-twice-$1-$v $2 $3 $v $4 fulcio n=2&how=503&forward=no"
		echo "tsa-503-twice-$1-$v $2 $3 $v $4 tsa n=2&how=503&forward=no"
		# Five in a row are an outage to the relay: the next try is its probe.
		echo "rekor-502-five-times-$1-$v $2 $3 $v $4 rekor n=5&how=502&forward=no"
	done
}

# must_fail COMMAND...: a plain `!` would not stop a test.
must_fail() {
	if "$@"; then
		echo "this succeeded and should not have: $*" >&2
		exit 1
	fi
}

test_blob() {
	point_cosign "$1" "$2"
	date >blob
	sign_blob blob
	verify_blob blob
	# A signature over something else must not pass, or the above says nothing.
	echo more >>blob
	must_fail verify_blob blob
}

test_image() {
	local image
	point_cosign "$1" "$2"
	image=$(new_image "$1-$2")
	sign_image "$image" token
	verify_image "$image"
	must_fail verify_image "$(new_image "$1-$2-unsigned")"
}

# As in GitHub Actions: no token given, cosign asks the CI's token server.
test_actions_token() {
	point_cosign "$1" "$2"
	date >blob
	export ACTIONS_ID_TOKEN_REQUEST_URL=$STACK_OIDC_ACTIONS_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN=$STACK_OIDC_REQUEST_TOKEN
	"${COMMAND[@]}" sign-blob --yes --bundle blob.bundle --trusted-root "$STACK_TRUSTED_ROOT" blob
	verify_blob blob
}

# What cosign says is looked at afterwards.
sign_blob_aside() { sign_blob "$1" >said 2>&1; }

# known_error VERSION: what that cosign says when the incident has ended it.
known_error() {
	case $1 in
	2.*) echo '[GET /api/v1/log/entries/{entryUUID}][404] getLogEntryByUuidNotFound' ;;
	3.1.*) echo '[POST /api/v1/log/entries][409] createLogEntryConflict' ;;
	esac
}

# test_incident_without VERSION HOW: the signer is paused, the first answer is
# lost, the client's own retry is a conflict, and the client gives up.
test_incident_without() {
	point_cosign "$1" direct
	date >blob
	pause_signer
	post "$STACK_REKOR_CONTROL/lose?n=1&how=$2&until=queued"
	must_fail sign_blob_aside blob
	cat said
	grep -qF "$(known_error "$1")" said
	[ "$(counts .lost)" = 1 ]
	[ "$(answered "$CREATE" 409)" = 1 ]
	case $1 in
	2.*) [ "$(answered "$LOOKUP" 404)" = 1 ] ;;
	3.1.*) [ "$(answered "$LOOKUP" 404)" = 0 ] ;;
	esac
}

# A lost answer alone, on a log that is well, is enough for cosign 3.1.
test_lost_without() {
	point_cosign "$1" direct
	date >blob
	post "$STACK_REKOR_CONTROL/lose?n=1&how=502&until=answered"
	must_fail sign_blob_aside blob
	cat said
	grep -qF "$(known_error "$1")" said
}

# test_fault_without VERSION VIA SERVICE QUERY
test_fault_without() {
	local image
	point_cosign "$1" "$2"
	with_timestamps "$2"
	image=$(new_image "fault-$1-$3")
	lose "$3" "$1" "$4"
	must_fail sign_image "$image" token
	must_fail verify_image "$image"
}

test_fault_with() {
	local image
	point_cosign "$1" "$2"
	with_timestamps "$2"
	image=$(new_image "fault-$1-$3")
	lose "$3" "$1" "$4"
	sign_image "$image" token
	verify_image "$image"
}

# test_crowd VERSION VIA N: the incident for N clients at once. Half of them lose
# their answer, the others' POST hangs. (Were it more than four answers in a row,
# the relay would call it an outage and let one client a probe interval through.)
test_crowd() {
	local i client clients=() lost=$(($3 / 2))
	point_cosign "$1" "$2"
	pause_signer
	lose rekor "$1" "n=$lost&how=502&until=queued"
	for ((i = 0; i < $3; i++)); do
		echo "$i of $3" >"blob$i"
		sign_blob "blob$i" >"said$i" 2>&1 &
		clients+=($!)
	done
	wait_for 'half of the answers to be lost, and every client to have asked' 60 crowd_is_in "$lost" "$3"
	for client in "${clients[@]}"; do kill -0 "$client"; done
	resume_signer
	for client in "${clients[@]}"; do wait "$client"; done
	for ((i = 0; i < $3; i++)); do verify_blob "blob$i"; done
}

# The relay has just seen an outage through; now the log is slow. It must not take
# the caution of the one into the other.
test_crowd_after_outage() {
	test_fault_with "$1" "$2" rekor 'n=5&how=502&forward=no'
	post "$STACK_REKOR_CONTROL/reset"
	test_crowd "$@"
}

# Every client's create and the second try of those who lost their answer are
# with the log, or have been.
crowd_is_in() { [ "$(counts ".lost == $1")" = true ] && [ "$(creates_seen)" -ge $(($1 + $2)) ]; }

# test_incident_with VERSION VIA HOW: the same, and the relay sees it through.
test_incident_with() {
	local client
	point_cosign "$1" "$2"
	date >blob
	pause_signer
	post "$STACK_REKOR_CONTROL/lose?n=1&how=$3&until=queued"
	sign_blob blob &
	client=$!
	wait_for 'the answer to be lost and the relay to ask again' 30 has_come_back
	kill -0 "$client"
	resume_signer
	wait "$client"
	verify_blob blob
}

# test_slow_log VERSION VIA SECONDS: nothing is lost, the log only integrates late.
test_slow_log() {
	local client size
	point_cosign "$1" "$2"
	date >blob
	size=$(log_size)
	pause_signer
	sign_blob blob &
	client=$!
	wait_for 'the entry to be on its way' 30 create_is_on_its_way
	# The length of the pause is what is tested, no order of events.
	sleep "$3"
	kill -0 "$client"
	must_fail has_entry "$size"
	resume_signer
	wait "$client"
	verify_blob blob
}

create_is_on_its_way() { [ "$(counts ".open[\"$CREATE\"] // 0")" -ge 1 ]; }

test_metrics() {
	curl -sSf "http://$STACK_RELAY_ADMIN/metrics" >exposition
	promtool check metrics <exposition
	grep -q '^sigrelay_requests_total{' exposition
}
