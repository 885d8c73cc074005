# shellcheck shell=bash
# The pipeline's commands on real registries (see registries.sh), with images by
# crane and signatures by cosign: 2.6.5 attaches them by a tag .sig, 3.1.3 as a
# referrer, which is listed under a tag where the registry has no API for it.
#
# Lines as in tests.sh.

registry_tests() {
	local kind v
	echo "actionlint nothing test_actionlint"
	for kind in 2 2-token 3 crane referrers; do
		for v in 2.6.5 3.1.3; do
			echo "take-back-$kind-$v relay in_registry $kind test_take_back $v"
		done
	done
	for v in 2.6.5 3.1.3; do
		echo "take-back-2-readonly-$v relay in_registry 2-readonly test_deletes_off $v"
	done
	for kind in 2 3 crane referrers; do
		echo "take-back-moved-$kind relay in_registry $kind test_moved"
		echo "take-back-index-$kind relay in_registry $kind test_index"
		echo "take-back-both-tags-$kind relay in_registry $kind test_both_tags"
	done
	echo "take-back-one-tag-2 relay in_registry 2 test_one_tag_of_two left 4"
	echo "take-back-one-tag-3 relay in_registry 3 test_one_tag_of_two deleted 0"
	echo "take-back-one-tag-crane relay in_registry crane test_one_tag_of_two deleted 0"
	echo "registry-token-nobody relay in_registry 2-token test_nobody"
	echo "registry-token-reader relay in_registry 2-token test_reader"
	echo "actions-whole-way relay in_registry 3 test_actions_whole_way"
	for v in 2.6.5 3.1.3; do
		echo "rerun-signs-what-is-there-$v relay in_registry 3 test_rerun $v"
	done
}

test_actionlint() { "$STACK_DIR/../actions/actionlint.sh" "$(need_tool actionlint)"; }

# in_registry KIND COMMAND...: with an empty registry, and a ledger of a run of its own.
in_registry() {
	unset GITHUB_ACTIONS GITHUB_OUTPUT GITHUB_STEP_SUMMARY
	export SIGRELAY_LEDGER=$PWD/ledger SIGRELAY_RUN_ID=first DOCKER_CONFIG=$HOME/.docker
	KIND=$1
	start_own_registry "$KIND"
	trap 'end_own_registry; leave_nothing' EXIT
	[ "$KIND" != 2-token ] || log_in writer
	REPO=$STACK_SPARE_REGISTRY/team/app
	"${@:2}"
}

# exits CODE COMMAND...: its output is left in said.
exits() {
	local status=0
	"${@:2}" >said 2>&1 || status=$?
	cat said
	[ "$status" = "$1" ]
}

# state_of IMAGE:TAG: absent, present or unknown.
state_of() { "$SIGRELAY" preflight --on-existing-tag=warn --ledger= --json "$1" | jq -r '.images[0].state'; }

digest_of() { crane digest --insecure "$1"; }

# manifest REFERENCE: team/app's, into manifest.json; REFERENCE is :TAG or sha256:…
manifest() { crane manifest --insecure "$REPO${1/#sha256:/@sha256:}" >manifest.json 2>manifest.err; }

# gone REFERENCE: the registry says so; not for want of an answer.
gone() {
	must_fail manifest "$1"
	grep -qE 'MANIFEST_UNKNOWN|NAME_UNKNOWN' manifest.err
}

# push_noted TAG: as a run does it: look, push, note.
push_noted() {
	[ "$("$SIGRELAY" preflight --json "$REPO:$1" | jq -r '.decision + " " + .images[0].state')" = 'build absent' ]
	push_image "$REPO:$1"
	"$SIGRELAY" pushed "$REPO:$1@$(digest_of "$REPO:$1")"
}

# find_signatures VERSION DIGEST: sets SIGNATURES to what that cosign has attached.
find_signatures() {
	local tag=${2/:/-} list=referrers.json
	case $1 in
	2.*) SIGNATURES=(":$tag.sig") ;;
	3.*)
		SIGNATURES=()
		if ! curl -sf -o "$list" "http://${REPO%%/*}/v2/${REPO#*/}/referrers/$2"; then
			[ "$KIND" != referrers ]
			manifest ":$tag"
			SIGNATURES=(":$tag")
			list=manifest.json
		fi
		jq -r '.manifests[].digest' "$list" >digests
		[ "$(wc -l <digests)" = 1 ]
		SIGNATURES+=("$(<digests)")
		;;
	esac
}

# push_signed VERSION: team/app:1, noted and signed through the relay; sets DIGEST
# and SIGNATURES.
push_signed() {
	local signature
	point_cosign "$1" run
	push_noted 1
	DIGEST=$(digest_of "$REPO:1")
	sign_image "$REPO@$DIGEST" token
	verify_image "$REPO@$DIGEST"
	find_signatures "$1" "$DIGEST"
	for signature in "${SIGNATURES[@]}"; do manifest "$signature"; done
}

# ledger_has EVENT TAG: for this run.
ledger_has() {
	jq -es --arg e "$1" --arg t "$2" --arg r "$SIGRELAY_RUN_ID" \
		'any(.[]; .event == $e and .tag == $t and .run == $r)' "$SIGRELAY_LEDGER" >/dev/null
}

# The whole way, and back to where it began.
test_take_back() {
	local signature
	push_signed "$1"
	exits 0 "$SIGRELAY" cleanup --dry-run
	manifest :1
	verify_image "$REPO@$DIGEST"
	exits 0 "$SIGRELAY" cleanup
	gone :1
	gone "$DIGEST"
	for signature in "${SIGNATURES[@]}"; do gone "$signature"; done
	ledger_has deleted 1
	[ "$(state_of "$REPO:1")" = absent ]
	# Twice is once.
	exits 0 "$SIGRELAY" cleanup
	# The tag is free: the release can be made again.
	SIGRELAY_RUN_ID=second
	push_signed "$1"
}

test_deletes_off() {
	push_signed "$1"
	exits 4 "$SIGRELAY" cleanup
	grep -qF "$DIGEST" said
	grep -qF 'switch deletes on' said
	grep -qF 'or keep it: it is signed' said
	ledger_has kept 1
	[ "$(digest_of "$REPO:1")" = "$DIGEST" ]
	verify_image "$REPO@$DIGEST"
}

# Somebody pushed over it: theirs now.
test_moved() {
	local theirs
	push_noted 1
	push_image "$REPO:1"
	theirs=$(digest_of "$REPO:1")
	exits 0 "$SIGRELAY" cleanup
	grep -qF "has moved since, to $theirs" said
	ledger_has kept 1
	[ "$(digest_of "$REPO:1")" = "$theirs" ]
}

# Untagged children, as buildx leaves them, and the image that one was copied from.
test_index() {
	local digest children
	[ "$("$SIGRELAY" preflight --json "$REPO:1" | jq -r '.images[0].state')" = absent ]
	push_image "$STACK_SPARE_REGISTRY/base:amd64"
	push_image "$STACK_SPARE_REGISTRY/base:arm64"
	crane index append --insecure -m "$STACK_SPARE_REGISTRY/base:amd64" -m "$STACK_SPARE_REGISTRY/base:arm64" -t "$REPO:1"
	digest=$(digest_of "$REPO:1")
	"$SIGRELAY" pushed "$REPO:1@$digest"
	manifest :1
	mapfile -t children < <(jq -r '.manifests[].digest' manifest.json)
	[ ${#children[@]} = 2 ]
	manifest "${children[0]}"
	point_cosign 2.6.5 run
	sign_image "$REPO@$digest" token
	manifest ":${digest/:/-}.sig"
	exits 0 "$SIGRELAY" cleanup
	gone :1
	gone "$digest"
	gone ":${digest/:/-}.sig"
	gone "${children[0]}"
	gone "${children[1]}"
	# Another repository's are none of this run's.
	[ "$(digest_of "$STACK_SPARE_REGISTRY/base:amd64")" = "${children[0]}" ]
}

# Two tags of this run for one digest.
test_both_tags() {
	local digest
	[ "$("$SIGRELAY" preflight --json "$REPO:1" "$REPO:1.0" | jq -r '[.images[].state] | unique[]')" = absent ]
	push_image "$REPO:1"
	crane tag --insecure "$REPO:1" 1.0
	digest=$(digest_of "$REPO:1.0")
	"$SIGRELAY" pushed "$REPO:1@$digest" "$REPO:1.0@$digest"
	exits 0 "$SIGRELAY" cleanup
	gone :1
	gone :1.0
	gone "$digest"
}

# test_one_tag_of_two RESULT CODE: the other is an older release's, signed: neither
# its tag nor its signature may go.
test_one_tag_of_two() {
	local digest
	push_image "$REPO:old"
	digest=$(digest_of "$REPO:old")
	point_cosign 2.6.5 run
	SIGRELAY_LEDGER='' sign_image "$REPO@$digest" token
	[ "$("$SIGRELAY" preflight --json "$REPO:new" | jq -r '.images[0].state')" = absent ]
	crane tag --insecure "$REPO:old" new
	"$SIGRELAY" pushed "$REPO:new@$digest"
	exits "$2" "$SIGRELAY" cleanup --json
	[ "$(sed -n '/^{/p' said | jq -r '.images[0].result')" = "$1" ]
	case $1 in
	deleted) gone :new ;;
	left) manifest :new ;;
	esac
	[ "$(digest_of "$REPO:old")" = "$digest" ]
	verify_image "$REPO@$digest"
}

# Without credentials nothing can be told, and nothing is guessed.
test_nobody() {
	local tag
	push_noted 1
	log_out
	for tag in 1 2; do
		[ "$(state_of "$REPO:$tag")" = unknown ]
	done
	exits 3 "$SIGRELAY" preflight --on-unknown=fail "$REPO:2"
	exits 4 "$SIGRELAY" cleanup
	log_in writer
	grep -qF "cosign sign --yes $REPO@$(digest_of "$REPO:1")" said
	REGISTRY_PASSWORD=wrong log_in writer
	[ "$(state_of "$REPO:1")" = unknown ]
}

# Who may only read loses nothing by trying.
test_reader() {
	push_signed 2.6.5
	log_in reader
	[ "$(state_of "$REPO:1")" = present ]
	[ "$(state_of "$REPO:2")" = absent ]
	exits 4 "$SIGRELAY" cleanup
	ledger_has kept 1
	verify_image "$REPO@$DIGEST"
	log_in writer
	exits 0 "$SIGRELAY" cleanup
	gone :1
}

# The incident's second half: pushed, not signed; the run after it builds nothing.
test_rerun() {
	local digest
	point_cosign "$1" run
	push_noted 1
	digest=$(digest_of "$REPO:1")
	lose rekor "$1" 'n=1000&how=502&forward=no'
	COMMAND=("${COMMAND[0]}" run --for=0 --retry-for=1s "${COMMAND[@]:2}")
	exits 75 sign_image "$REPO@$digest" token
	must_fail verify_image "$REPO@$digest"
	post "$STACK_REKOR_CONTROL/reset"

	export SIGRELAY_RUN_ID=second
	exits 3 "$SIGRELAY" preflight "$REPO:1"
	GITHUB_OUTPUT=$PWD/outputs exits 0 "$SIGRELAY" preflight --on-existing-tag=skip "$REPO:1"
	grep -qx 'decision=skip' outputs
	grep -qx "digest=$digest" outputs
	point_cosign "$1" run
	sign_image "$REPO@$digest" token
	verify_image "$REPO@$digest"
	# This run has pushed nothing, so it takes nothing back.
	exits 0 "$SIGRELAY" cleanup
	[ "$(digest_of "$REPO:1")" = "$digest" ]
	verify_image "$REPO@$digest"
}

# action NAME JOB_STATUS INPUT=VALUE...: as GitHub's runner runs it; outputs are left
# in outputs. A step's files begin empty.
action() {
	rm -rf temp/output* temp/summary
	ACTION_OUTPUTS=$PWD/outputs python3 "$STACK_DIR/../actions/runner.py" "$STACK_DIR/../../actions/$1" "${@:2}"
}

# Outputs and exit codes of the three actions, on the real thing: first a release
# that is done, then one that fails and is taken back, then the rerun of the first.
test_actions_whole_way() {
	local digest bin=$PWD/bin
	mkdir bin temp
	ln -s "$SIGRELAY" bin/sigrelay
	ln -s "$(cosign_path 2.6.5)" bin/cosign
	point_cosign 2.6.5 direct
	unset SIGRELAY_LEDGER SIGRELAY_RUN_ID
	export PATH=$bin:$PATH RUNNER_TEMP=$PWD/temp GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=1 GITHUB_ACTIONS=true
	export SIGSTORE_ID_TOKEN
	SIGSTORE_ID_TOKEN=$(curl -sSf "$STACK_OIDC_URL/token?email=$SIGNER")

	exits 0 action preflight success "images=$REPO:1, $REPO:1.0" on_existing_tag=skip
	grep -qx decision=build outputs
	grep -qx "ledger=$PWD/temp/sigrelay-ledger.jsonl" outputs
	grep -qF "$REPO" temp/summary
	push_image "$REPO:1"
	crane tag --insecure "$REPO:1" 1.0
	digest=$(digest_of "$REPO:1")
	SIGRELAY_LEDGER=$PWD/temp/sigrelay-ledger.jsonl sigrelay pushed "$REPO:1@$digest" "$REPO:1.0@$digest"
	exits 0 action sign success "images=$REPO@$digest" max_wait=1m
	grep -qx signed=true outputs
	verify_image "$REPO@$digest"
	# What went well stays, even if somebody asks.
	exits 0 action cleanup success cleanup_on_failure=true
	manifest :1

	export GITHUB_RUN_ID=2
	exits 0 action preflight success "images=$REPO:2"
	push_image "$REPO:2"
	SIGRELAY_LEDGER=$PWD/temp/sigrelay-ledger.jsonl sigrelay pushed "$REPO:2@$(digest_of "$REPO:2")"
	exits 0 action cleanup failure cleanup_on_failure=
	manifest :2
	exits 0 action cleanup failure cleanup_on_failure=true
	gone :2

	export GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=2
	exits 3 action preflight success "images=$REPO:1"
	exits 0 action preflight success "images=$REPO:1, $REPO:1.0" on_existing_tag=skip
	grep -qx decision=skip outputs
	grep -qx "digest=$digest" outputs
	exits 0 action cleanup failure cleanup_on_failure=true
	verify_image "$REPO@$digest"
}
